// The one way from the page to a wrap. A transport is an object with the methods below; the pages
// know nothing else. This one speaks to `pbmwrap web` (docs/web-page.md); others may reach a wrap by Web
// Serial, or one that runs in the page.
//
//   kind                  "server"
//   login(token)          exchanges a token for the cookie; rejects with a WrapError
//   connect(on)           on(name, data): "open", "lost", "state", "status", "sample", "world"
//   ask(name, ...args)    one request, by a name of REQUESTS; resolves to its answer

export class WrapError extends Error {
  /** key: of the catalogue, for errors of the page's own; known: the hint is the page's own. */
  constructor(code, message, hint = "", key = null) {
    super(message);
    this.code = code;
    this.hint = hint;
    this.key = key;
  }
}

const enc = encodeURIComponent;
const REQUESTS = {
  act: () => ["POST", "act", {}],
  history: () => ["GET", "history"],
  session: (what) => ["POST", "session", { do: what }],
  ackFault: () => ["POST", "fault/ack", {}],
  fault: () => ["GET", "fault"],
  sessions: () => ["GET", "sessions"],
  sessionOf: (uid, number) => ["GET", `sessions/${enc(uid)}/${enc(number)}`],
  pull: () => ["POST", "sessions/pull", {}],
  protocols: () => ["GET", "protocols"],
  check: (toml) => ["POST", "protocols/check", { toml }],
  flash: (slot, toml) => ["PUT", `protocols/${slot}`, { toml }],
  activate: (slot) => ["POST", `protocols/${slot}/activate`, {}],
  erase: (slot) => ["DELETE", `protocols/${slot}`, {}],
  doctor: () => ["GET", "doctor"],
  settings: () => ["GET", "settings"],
  setSetting: (key, value) => ["PUT", `settings/${enc(key)}`, { value }],
  confirm: () => ["POST", "settings/confirm", {}],
  calibration: () => ["GET", "calibration"],
  calGuide: () => ["GET", "calibration/guide"],
  calBegin: (again) => ["POST", "calibration/guide", { again }],
  calAnswer: (turn, text, file) => ["POST", "calibration/guide/answer", { turn, text, ...file }],
  calLight: (turn) => ["POST", "calibration/guide/light", { turn, nobody: true }],
  calDark: () => ["POST", "calibration/guide/dark", {}],
  calBack: () => ["POST", "calibration/guide/back", {}],
  calStore: (channel, wanted) => ["POST", "calibration/guide/store", { channel, store: wanted }],
  people: () => ["GET", "people"],
  addPerson: (name) => ["POST", "people", { name }],
  choosePerson: (tag) => ["POST", "people/choose", { tag }],
  openSessions: () => ["GET", "people/sessions"],
  claim: (keys, tag) => ["POST", "people/sessions", { keys, tag }],
  journal: (all) => ["GET", all ? "journal?all=1" : "journal"],
  addEntry: (entry) => ["POST", "journal", entry],
  mnsi: () => ["GET", "journal/mnsi"],
  addMnsi: (answers, when) => ["POST", "journal/mnsi", { answers, when }],
  flags: () => ["GET", "journal/flags"],
  readFlags: (flags) => ["POST", "journal/read", { flags }],
  course: (id) => ["GET", id ? `course?id=${enc(id)}` : "course"],
  makeCourse: (plan) => ["POST", "course", plan],
  changeCourse: (plan) => ["POST", "course/change", plan],
  freezeCourse: (id) => ["POST", "course/freeze", { id }],
  closeCourse: (id, why) => ["POST", "course/close", { id, why }],
  trial: (id) => ["GET", id ? `trial?id=${enc(id)}` : "trial"],
  trialPlan: (plan) => ["GET", `trial/plan?${new URLSearchParams(plan)}`],
  trialEntry: (id, values, day) => ["POST", "trial/entry", { id, values, day }],
  heat: () => ["GET", "trial/heat"],
  heatBegin: (wishes) => ["POST", "trial/heat", { ...wishes, nobody: true }],
  heatStop: () => ["POST", "trial/heat/stop", {}],
  trialDraft: (wishes) => ["POST", "trial/draft", wishes],
  trialStart: (wishes) => ["POST", "trial/start", wishes],
  trialSend: (id) => ["POST", "trial/send", { id }],
  trialNext: (id, site) => ["POST", "trial/next", { id, site }],
  trialClose: (id, period, confirmed) => ["POST", "trial/close", { id, period, confirmed }],
  trialGuess: (id, period, guess, confidence, why) => ["POST", "trial/guess",
    { id, period, guess, confidence, why }],
  trialReveal: (id, early, confirmed) => ["POST", "trial/reveal", { id, early, confirmed }],
  trialUnblind: (id, reason, confirmed, lost) => ["POST", "trial/unblind",
    { id, reason, confirmed, without_wrap: lost }],
  trialUnknown: (reason, confirmed) => ["POST", "trial/unknown", { reason, confirmed }],
  world: (control, value) => ["POST", "world", { control, value }],
};
const EVENTS = ["state", "status", "sample", "world"];
const AGAIN_MS = 1000; // after the stream was refused; EventSource itself repeats broken ones

async function request(method, path, body) {
  let answer;
  try {
    answer = await fetch(new URL(`api/${path}`, document.baseURI), {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new WrapError("unreachable", "", "", "error.unreachable");
  }
  const data = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (answer.ok) return data;
  const error = data?.error;
  if (!error) throw new WrapError("answer", "", "", "error.answer");
  throw new WrapError(error.code, error.message, error.hint || "");
}

export function createServerTransport() {
  let source = null;
  let login = Promise.resolve(); // a page that is opened meanwhile must not be refused
  return {
    kind: "server",
    login(token) {
      login = request("POST", "login", { token });
      return login;
    },
    async ask(name, ...args) {
      await login.catch(() => null);
      return request(...REQUESTS[name](...args));
    },
    connect(on) {
      const open = () => {
        source = new EventSource(new URL("api/events", document.baseURI));
        source.onopen = () => on("open", null);
        source.onerror = () => {
          on("lost", null);
          if (source.readyState === EventSource.CLOSED) setTimeout(open, AGAIN_MS);
        };
        for (const name of EVENTS) {
          source.addEventListener(name, (event) => on(name, JSON.parse(event.data)));
        }
      };
      addEventListener("pagehide", () => source?.close());
      open();
    },
  };
}
