// What makes the console live and quick to drive. Everything can be read and done without this file.
"use strict";
const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const here = () => location.pathname + location.search;
document.documentElement.classList.add("scripted");

// -- patches: an element replaces the one with its id; data-into inserts; data-remove removes

const held = new Map(); // what came for a part in which somebody writes or selects, the latest by id
const later = []; // patches for this page while it is paused
let paused = false, moved = 0; // when the pointer or a key last moved: who rests on a list for longer does not read it
const READ = ":is([data-each], table):is(:hover, :focus-within)";
const reads = (element) => Date.now() - moved < 10000 && Boolean(element?.closest(READ) || element?.matches(`:has(${READ})`));
for (const event of ["pointermove", "keydown"]) document.addEventListener(event, () => (moved = Date.now()), { passive: true });
setInterval(() => held.size && catchUp(), 2000);

function busy(element) {
  const picked = getSelection();
  return (
    all("textarea, input:not([type=hidden])", element).some((field) => field.value !== field.defaultValue) ||
    (element.contains(document.activeElement) && typing(document.activeElement)) ||
    (!picked.isCollapsed && element.contains(picked.anchorNode)) ||
    reads(element)
  );
}

function put(element) {
  const { into, before, remove } = element.dataset;
  const list = into ? $(into) : remove && document.getElementById(remove)?.parentElement;
  if (list && reads(list)) return held.set(remove || element.id, element), into ? 1 : 0; // announced, and not pushed under the hand
  if (remove) return document.getElementById(remove)?.remove();
  if (into && (!list || document.getElementById(element.id))) return;
  if (into) return list.insertBefore(element, (before && document.getElementById(before)) || null), 1;
  const old = document.getElementById(element.id);
  if (!old || busy(old)) return void (old && held.set(element.id, element));
  const focus = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
  old.replaceWith(element);
  if (focus) all("a", element).find((link) => link.getAttribute("href") === focus)?.focus();
}

function patch(html) {
  const box = document.createElement("template");
  box.innerHTML = html;
  const fresh = [...box.content.children].reduce((count, element) => count + (put(element) || 0), 0);
  if (fresh) $("#news").textContent = `${fresh} new on this page`;
  tell();
}

function catchUp() {
  if (paused) return;
  const waiting = [...held.values()];
  held.clear();
  waiting.forEach(put);
  tell();
}

// -- the stream: one tab listens for all, and hands on how far it came when it leaves

const wire = "BroadcastChannel" in window ? new BroadcastChannel("suture") : null;
const tabs = new Map(), me = Math.random().toString(36).slice(2); // what the other tabs show, by tab
let position = Number(document.body.dataset.position || 0), source = null, leading = false, link = "reconnecting";

function tell(state = link) {
  link = state;
  const badge = $("#badge"), word = paused || held.size ? "paused" : link, waits = held.size + later.length;
  if (!badge || !document.body.dataset.position) return;
  const text = { live: "● live", reconnecting: "◆ reconnecting", paused: `○ paused${waits ? `, ${waits} new` : ""}` }[word];
  if (badge.textContent !== text) [badge.hidden, badge.textContent, badge.className] = [false, text, `badge ${word}`];
}

function hear(message) {
  if (!message.state) return;
  position = Math.max(position, message.position);
  tell(message.state);
  if (message.page !== here()) return;
  if (paused || document.hidden) later.push(message.html), tell();
  else patch(message.html);
}

const say = (message) => (hear(message), wire?.postMessage(message));

function listen(after = position) {
  source?.close();
  const pages = [...new Set([here(), ...tabs.values()])].slice(0, 16);
  source = new EventSource(`/stream?after=${after}&${pages.map((page) => `page=${encodeURIComponent(page)}`).join("&")}`);
  const at = (event) => Number(event.lastEventId || position);
  source.addEventListener("at", (event) => say({ position: at(event), state: "live" }));
  source.addEventListener("patch", (event) => say({ position: at(event), state: "live", ...JSON.parse(event.data) }));
  source.addEventListener("over", () => source.close());
  source.onerror = () => {
    say({ position, state: "reconnecting" });
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(), 2000);
  };
}

const lead = () => ((leading = true), wire?.postMessage({ position, who: true }), listen());

// the leader follows what this tab shows from now on
const show = () => (wire?.postMessage({ position, tab: me, shows: here() }), leading && listen());

if (document.body.dataset.position) {
  wire?.addEventListener("message", ({ data }) => {
    if (data.who) wire.postMessage({ position, tab: me, shows: here() });
    if (data.gone) tabs.delete(data.gone);
    if (data.tab && tabs.get(data.tab) !== data.shows) {
      tabs.set(data.tab, data.shows);
      if (leading) listen(Math.min(position, data.position)); // it may have been drawn before what we know
    }
    hear(data);
  });
  // the lock is held until the tab goes; where there are no locks each tab listens for itself
  if (navigator.locks && wire) navigator.locks.request("suture", () => (lead(), new Promise(() => {})));
  else lead();
  wire?.postMessage({ position, tab: me, shows: here() });
  addEventListener("pagehide", () => wire?.postMessage({ position, gone: me }));
  document.addEventListener("visibilitychange", resume);
  for (const event of ["focusout", "selectionchange", "mouseout"]) document.addEventListener(event, () => setTimeout(() => held.size && catchUp(), 50));
  tell();
}

function resume() {
  if (paused || document.hidden) return;
  if (later.length > 200) return location.reload();
  later.splice(0).forEach(patch);
  catchUp();
}

// -- forms: patched in place; the answer is the page to which the server sends

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.getAttribute("method") !== "post" || form.action.endsWith("/leave")) return;
  event.preventDefault();
  if (form.dataset.sent) return; // a decision is sent once, however often its button is pressed
  form.dataset.sent = "yes";
  try {
    const body = new URLSearchParams(new FormData(form, event.submitter));
    const answer = await fetch(event.submitter?.getAttribute("formaction") || form.getAttribute("action"), { method: "post", body });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.redirected && answer.url !== location.href) history.pushState({}, "", answer.url);
    if (!$("#content", page)) return location.reload(); // the session has ended
    for (const part of ["#content", "nav", "footer"]) $(part).replaceWith($(part, page));
    document.title = page.title, held.clear();
    $("[role=alert], [role=status].told")?.scrollIntoView({ block: "nearest" });
    $("#content").focus({ preventScroll: true });
    show();
  } catch {
    delete form.dataset.sent;
    $("#news").textContent = "The console does not answer; nothing was decided. Try again.";
    tell("reconnecting");
  }
});
addEventListener("popstate", () => location.reload());

// -- completion, the keyboard, and the palette

$("#search")?.addEventListener("input", async ({ target, inputType }) => {
  if (!inputType || !target.value) return; // chosen from the list
  const found = await fetch(`/complete.json?q=${encodeURIComponent(target.value)}`).then((answer) => answer.json(), () => ({}));
  $("#completions").replaceChildren(...(found.lines || []).map((line) => Object.assign(document.createElement("option"), { value: line })));
});

const typing = (element) => element.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=hidden])");

function move(step) {
  const rows = all("#content [data-row]"), now = rows.indexOf(document.activeElement);
  const next = rows[now < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, now + step))];
  next?.focus(), next?.scrollIntoView({ block: "nearest" });
}

const open = (id) => ($(id).showModal(), $("input", $(id))?.select());

const keys = {
  "/": () => $("#search").select(), "?": () => open("#help"),
  j: () => move(1), k: () => move(-1),
  e: () => $("#content form[method=post] textarea, #content form[method=post] button")?.focus(),
  c: () => $("[data-copy]", document.activeElement.closest("tr") || $("#content"))?.click(),
  p: () => ((paused = !paused), tell(), resume()),
  Escape: () => $(".trail a:last-of-type")?.click(),
};

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "k") return event.preventDefault(), open("#palette");
  if (event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
  if (typing(event.target)) return void (event.key === "Escape" && event.target.blur());
  if (keys[event.key]) event.preventDefault(), keys[event.key]();
});

document.addEventListener("click", ({ target }) => {
  const copied = () => (($("#news").textContent = target.textContent = "copied"), setTimeout(() => (target.textContent = "copy"), 1500));
  if (target.dataset?.copy) navigator.clipboard?.writeText(target.dataset.copy).then(copied, () => {});
});

$("#palette input")?.addEventListener("keyup", ({ key, target }) => {
  const items = all("#palette li");
  for (const item of items) item.hidden = !item.textContent.toLowerCase().includes(target.value.toLowerCase());
  const first = items.find((item) => !item.hidden);
  if (key === "Enter") location.href = first ? $("a", first).href : `/documents?q=${encodeURIComponent(target.value)}`;
});
