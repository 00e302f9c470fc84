// What only the page without a server has. `make web-static` puts another file in this place
// (host_tools/pbmwrap/web/browser/app).

import { createServerTransport } from "./transport.js";

export const chooseTransport = () => createServerTransport();

/** More pages: [[name, component]]. */
export const MORE_PAGES = [];

/** What stands under the words that no wrap is connected. */
export const Reach = () => null;

/** The first view, while no wrap is chosen. */
export const Welcome = () => null;

/** What stands above every page. */
export const Banner = () => null;
