// The page's behaviour: live updates, keyboard, drawer, copying, theme, local times. Content comes from the server only.
const LIVE_DELAY = 400; // ms: hits come in batches, one refresh for several
const RETRY = 3000; // ms
const NOW = 5 * 60 * 1000;
const list = document.getElementById("list");
const drawer = document.getElementById("drawer");
const filter = document.getElementById("filter");
const said = document.getElementById("said");

// Local times

const sameYear = { month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const format = new Intl.DateTimeFormat("en", sameYear);

function localise(root) {
  for (const element of root.querySelectorAll("time[datetime]:not([title])")) {
    const moment = new Date(element.dateTime);
    element.textContent = format.format(moment);
    element.title = `${element.dateTime} (UTC)`;
  }
  expire(root);
}

function expire(root) {
  for (const badge of root.querySelectorAll(".now")) badge.hidden = Date.now() - new Date(badge.dataset.last) > NOW;
}
setInterval(() => expire(list), 15000);

// Live updates

const live = document.getElementById("live");
let events = null;
let waiting = 0;
let seen = new Set();
let focused = "";
let shown = list.querySelector("[data-refresh]").dataset.q;

function say(state, text) {
  live.dataset.state = state;
  live.textContent = text;
}

function refresh() {
  waiting = 0;
  if (document.hidden) return; // asked for again when the page is looked at and listens
  const source = list.querySelector("[data-refresh]").dataset.refresh;
  if (list.querySelector("#rows[data-extended]")) return offer(source);
  remember();
  htmx.ajax("GET", liveAddress(source), { target: "#list", source: "#list" });
}

function liveAddress(source) {
  return `${source}${source.includes("?") ? "&" : "?"}live=1`;
}

// A refresh that arrives after the filter was changed shows what is no longer asked for.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { path } = event.detail.requestConfig;
  const { refresh } = list.querySelector("[data-refresh]").dataset;
  if (event.detail.target === list && path.endsWith("live=1") && path !== liveAddress(refresh)) event.detail.shouldSwap = false;
});

function offer(source) {
  if (list.querySelector(".fresh-attacks")) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "fresh-attacks";
  button.textContent = "New attacks came in: show them";
  button.addEventListener("click", () => htmx.ajax("GET", source, { target: "#list", source: "#list" }));
  list.prepend(button);
}

function remember() {
  seen = new Set([...list.querySelectorAll("[data-key]")].map((row) => row.dataset.key));
  focused = list.contains(document.activeElement) ? document.activeElement.id : "";
}

function onAttacks(event) {
  const { changes, more } = JSON.parse(event.data);
  if (!waiting) waiting = setTimeout(refresh, LIVE_DELAY);
  const fresh = changes.filter((item) => item.change === "new").length;
  if (fresh + more) said.textContent = `${fresh + more} new attack${fresh + more > 1 ? "s" : ""}`;
  const open = drawer.querySelector(".drawer[data-attack]");
  if (open && changes.some((item) => item.attack.id === open.dataset.attack)) {
    open.querySelector(".fresh-hits").hidden = false;
  }
}

// Browsers open six connections to a host at most: a tab that nobody looks at must not keep one from the others.
function attend() {
  if (!document.hidden) return listen();
  events?.close();
  say("lost", "paused");
}

function listen() {
  if (document.hidden || (events && events.readyState !== EventSource.CLOSED)) return;
  events = new EventSource("/v1/events");
  events.addEventListener("open", () => {
    if (live.dataset.state === "lost") refresh();
    say("on", "Live");
  });
  events.addEventListener("error", () => {
    say("lost", "reconnecting");
    // After an answer that is no stream (the session ended, too many listen) the browser does not come again by itself.
    if (events.readyState === EventSource.CLOSED) setTimeout(again, RETRY);
  });
  events.addEventListener("attacks", onAttacks);
}

async function again() {
  let answer;
  try {
    answer = await (await fetch("/session", { credentials: "same-origin" })).json();
  } catch {
    return setTimeout(again, RETRY); // the cloud is away
  }
  if (answer.active) return listen();
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
}

attend();
document.addEventListener("visibilitychange", attend);

// After settling: before it, htmx still gives elements of the same id their old attributes.
document.addEventListener("htmx:afterSettle", (event) => {
  localise(event.target);
  if (event.target === list) afterList();
  if (event.target === drawer) afterDrawer();
  if (event.target.closest("#rows")) document.getElementById("rows").dataset.extended = "";
});

function afterList() {
  const { q, range } = list.querySelector("[data-refresh]").dataset;
  // Of the same filter, as after a refresh, the field stays as it is: somebody may be writing the next one.
  if (q !== shown) filter.elements.q.value = q;
  shown = q;
  filter.elements.range.value = range;
  if (seen.size) {
    for (const row of list.querySelectorAll("[data-key]")) row.classList.toggle("fresh", !seen.has(row.dataset.key));
  }
  seen = new Set();
  mark();
  offerHits();
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  focused = "";
}

// Of hits that came while nobody listened no event told.
function offerHits() {
  const open = drawer.querySelector(".drawer[data-hits]");
  const row = open && document.getElementById(`attack-${open.dataset.attack}`);
  if (row && Number(row.dataset.hits) > Number(open.dataset.hits)) open.querySelector(".fresh-hits").hidden = false;
}

// Drawer

let opener = "";

function current() {
  return drawer.querySelector(".drawer")?.dataset.attack ?? "";
}

function mark() {
  for (const row of list.querySelectorAll(".row")) row.classList.toggle("open", row.dataset.attack === current());
}

function afterDrawer() {
  mark();
  if (current() !== opener) {
    opener = current();
    drawer.querySelector("h2")?.focus({ preventScroll: true });
    return;
  }
  const hit = drawer.querySelector("tr.hit.open");
  hit?.focus({ preventScroll: true });
  hit?.scrollIntoView({ block: "nearest" });
}

function close() {
  const attack = current();
  drawer.replaceChildren();
  opener = "";
  mark();
  const url = new URL(location.href);
  url.searchParams.delete("attack");
  url.searchParams.delete("hit");
  history.pushState({ htmx: true }, "", url);
  (document.getElementById(`attack-${attack}`) ?? filter.elements.q).focus();
}

document.addEventListener("click", (event) => {
  if (event.target.closest(".close")) return close();
  const button = event.target.closest("[data-copy]");
  if (button) return copy(button);
  // A row's link opens the drawer like the row; with a modifier it stays a link.
  const link = event.target.closest(".row a");
  if (link && !(event.metaKey || event.ctrlKey || event.shiftKey)) event.preventDefault();
});

async function copy(button) {
  const text = {
    curl: () => document.getElementById("curl").textContent,
    raw: () => document.getElementById("raw").textContent,
    link: () => document.getElementById("permalink").href,
  }[button.dataset.copy]();
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch (error) {
    // Without TLS, browsers offer no clipboard away from localhost.
    button.textContent = `Not copied: ${error.name}`;
  }
  setTimeout(() => (button.textContent = label), 1500);
}

// Keyboard

function step(row, forward) {
  let next = row;
  do next = forward ? next.nextElementSibling : next.previousElementSibling;
  while (next && !next.matches(".row, .hit"));
  next?.focus();
  return next;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input, select, textarea");
  const row = event.target.closest?.("tr.row, tr.hit");
  if (event.key === "Escape" && drawer.firstElementChild) close();
  else if (event.key === "Escape" && typing) event.target.blur();
  else if (event.key === "/" && !typing) filter.elements.q.select();
  else if (event.key === "Enter" && row) htmx.trigger(row, "open");
  else if (event.key === "ArrowDown" && (row || !typing)) {
    if (row) step(row, true);
    else if (event.target.closest(".drawer pre, .drawer button")) return;
    else (drawer.querySelector("tr.hit.open, tr.hit") ?? list.querySelector("tr.row"))?.focus();
  } else if (event.key === "ArrowUp" && row) step(row, false);
  else return;
  event.preventDefault();
});

// Theme

document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
});

opener = current();
localise(document);
