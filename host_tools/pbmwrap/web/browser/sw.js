// Keeps the page and everything that it loads, so that it also starts without a network. The build
// writes the version, a hash of all files, and their list. A new version is loaded beside the old
// one and is used when the page asks for it or when no page of the old one is open: files of two
// versions never mix.

const VERSION = "VERSION";
const FILES = ["FILES"];
const SCOPE = self.registration.scope;
const PREFIX = `pbmwrap ${SCOPE} `; // other folders of this host have caches of their own
const CACHE = PREFIX + VERSION;

self.addEventListener("install", (event) => {
  const requests = ["", ...FILES].map((path) => new Request(new URL(path, SCOPE), { cache: "reload" }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(requests)));
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
    }
    await self.clients.claim();
  })());
});

self.addEventListener("message", (event) => {
  if (event.data === "use-now") self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || !url.href.startsWith(SCOPE)) return;
  event.respondWith(caches.open(CACHE)
    .then((cache) => cache.match(event.request, { ignoreSearch: true }))
    .then((kept) => kept ?? fetch(event.request)));
});
