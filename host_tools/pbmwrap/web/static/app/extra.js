// What only the page without a server has. `make web-static` puts another file in this place
// (host_tools/pbmwrap/web/browser/app).

import { Calibrate } from "./page_calibrate.js";
import { Course } from "./page_course.js";
import { Journal } from "./page_journal.js";
import { OpenSessions, UnreadFlags } from "./programme.js";
import { later } from "./later.js";
import { createServerTransport } from "./transport.js";

export const chooseTransport = () => createServerTransport();

const Trial = later("nav.trial", async () => (await import("./page_trial.js")).TrialPages,
  "trial");

/** More pages: [[name, component]]. Journal, course and trial are in the household's file of the server. */
export const MORE_PAGES = [["journal", Journal], ["course", Course], ["trial", Trial]];

/** The pages that a phone shows without a press of More; with none it shows all. */
export const FIRST_PAGES = ["now", "journal", "course"];

/** The guided calibration, a part of the page Wrap; its records are on the server's disk. */
export { Calibrate };

/** What stands under the words that no wrap is connected. */
export const Reach = () => null;

/** The first view, while no wrap is chosen. */
export const Welcome = () => null;

/** What stands above every page. */
export const Banner = () => null;

/** What stands above the page Now: unread red flags. */
export const Unread = UnreadFlags;

/** What stands under the words that new sessions were fetched: whose are they? */
export const AfterPull = OpenSessions;
