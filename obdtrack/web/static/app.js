// Small help for the pages; everything works without it, only by reloading.
"use strict";

(() => {
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const words = document.currentScript.dataset; // in the language of the page
  const secure = location.protocol === "https:" ? "; Secure" : "";

  // The reader's own zone, for the next page.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.includes(`obdtrack_mine=${encodeURIComponent(zone)}`)) {
    document.cookie = `obdtrack_mine=${encodeURIComponent(zone)}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  }

  // Listeners stay with the document, as live parts of a page are exchanged for new ones.
  const on = (kind, selector, act) => document.addEventListener(kind, (event) => {
    const found = event.target.closest?.(selector);
    if (found) act(found, event);
  });

  // A form that must be sent once: the second press does nothing.
  on("submit", "form[data-once]", (form, event) => {
    if (event.submitter?.name) return; // it only looks, or adds a row
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    const button = event.submitter || one("button[type=submit]", form);
    button.setAttribute("aria-disabled", "true");
    button.textContent = words.calling;
  });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  // A menu closes when the reader goes elsewhere.
  const leave = (there) => {
    for (const menu of all("details.menu[open]")) if (!menu.contains(there)) menu.open = false;
  };
  document.addEventListener("click", (event) => leave(event.target));
  document.addEventListener("focusout", ({ relatedTarget: next }) => { if (next) leave(next); });
  on("keydown", "details.menu[open]", (menu, event) => {
    if (event.key === "Escape") { menu.open = false; one("summary", menu).focus(); }
  });

  // What is to be copied is copied when it opens, and selected in any case.
  on("click", "details.copy > summary", async (summary, event) => {
    const box = summary.parentElement;
    if (box.open) return;
    event.preventDefault();
    box.open = true;
    const text = one("[data-copy]", box);
    text.select();
    try {
      await navigator.clipboard.writeText(text.value);
      summary.textContent = words.copied;
    } catch { /* it stays selected */ }
  });

  // A press anywhere in a row leads where its link leads, unless a text is being selected there.
  on("click", "tr:has(.row-link)", (row, event) => {
    const selected = getSelection();
    if (event.detail && !selected.isCollapsed && row.contains(selected.anchorNode)) { event.preventDefault(); return; }
    if (!event.target.closest("a, button")) one(".row-link", row).click();
  });

  // "/" goes to the search box.
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const box = one("#q");
    if (box) { event.preventDefault(); box.focus(); }
  });

  // Ages stay true.
  const ages = new Intl.RelativeTimeFormat(document.documentElement.lang);
  const units = [[60, "second", 1], [3600, "minute", 60], [86400, "hour", 3600], [604800, "day", 86400],
    [2592000, "week", 604800], [31536000, "month", 2592000]];
  const said = (then) => {
    const seconds = Math.round((then - Date.now()) / 1000);
    const [, unit, size] = units.find(([limit]) => Math.abs(seconds) < limit) || [0, "year", 31536000];
    return seconds ? ages.format(Math.round(seconds / size), unit) : words.now;
  };
  const tellAges = (within = document) => {
    for (const time of all("time.age", within)) {
      const text = said(Date.parse(time.dateTime));
      if (time.textContent !== text) time.textContent = text;
    }
  };
  setInterval(() => { if (!document.hidden) tellAges(); }, 5000);

  // Live: request the page again with the mark of what is shown. Parts are exchanged in place; new rows only
  // announce themselves unless the reader is at the very top and not among them.
  const page = one("[data-live-page]");
  if (!page) return;
  const state = one("[data-live-state]");
  const turn = one("[data-live-switch]");
  const usual = Number(page.dataset.liveEvery) * 1000;
  let pause = usual;
  let mark = null;
  let timer = null;
  let asking = false;
  let latest = null; // the page as it came last: what waits in it is shown when the reader is done
  let asOf = new Date();
  let stopped = document.cookie.includes("obdtrack_live=off");

  const inUse = (part) => part.contains(document.activeElement) && document.activeElement !== document.body
    || (getSelection() && !getSelection().isCollapsed && part.contains(getSelection().anchorNode));

  // One region says what changes, in a sentence or two, to those who do not see it.
  const told = new Set();
  let news = [];
  const sentence = (part) => {
    const copy = one(".row-link, .sentence, [data-said]", part)?.cloneNode(true);
    for (const time of copy ? all("time.age", copy) : []) time.remove();
    return copy ? copy.textContent.trim().replace(/\s+/g, " ").replace(/ (?=[:,.])/g, "") : "";
  };
  const say = () => {
    if (!news.length) return;
    const more = news.length > 3 ? [words.more.replace("0", news.length - 3)] : [];
    one("[data-said-here]").textContent = [...news.slice(0, 3), ...more].join(". ");
    news = [];
  };

  const keepOpen = (old, fresh) => {
    const boxes = all("details", old);
    all("details", fresh).forEach((box, index) => { if (boxes[index]) box.open = boxes[index].open; });
  };
  const plain = (part) => {
    const copy = part.cloneNode(true);
    for (const time of all("time.age", copy)) time.textContent = "";
    for (const input of all("input[name=csrf_token]", copy)) input.remove();
    for (const box of all("details", copy)) box.removeAttribute("open");
    copy.classList.remove("changed");
    return copy.innerHTML;
  };
  const exchange = (next) => {
    for (const part of all("[data-live]")) {
      const fresh = one(`[data-live="${CSS.escape(part.dataset.live)}"]`, next);
      if (!fresh || plain(fresh) === plain(part) || inUse(part)) continue;
      keepOpen(part, fresh);
      const place = document.importNode(fresh, true);
      if (place.tagName === "TR") place.classList.add("changed");
      if (sentence(place) !== sentence(part)) news.push(sentence(place));
      part.replaceWith(place);
    }
    addRows(next);
    news = news.filter(Boolean);
    say();
  };
  // The list: rows are named by ids, which sort by time.
  const addRows = (next) => {
    const region = one("[data-live-rows]");
    const theirs = one("[data-live-rows]", next);
    const note = one("[data-live-new]");
    if (!region || !theirs) return;
    const away = scrollY > 60 || region.matches(":hover") || inUse(region);
    const list = one("tbody", region);
    const rows = [...(one("tbody", theirs)?.rows || [])];
    if (!list || (!rows.length && !away)) {
      if (plain(region) === plain(theirs)) return;
      tellRows(rows);
      region.replaceChildren(...document.importNode(theirs, true).childNodes);
      return;
    }
    const known = new Set([...list.rows].map((row) => row.dataset.live));
    const added = rows.filter((row) => !known.has(row.dataset.live));
    const wait = away || new URLSearchParams(location.search).has("before");
    settle(list, rows, theirs.dataset.liveRows === "more", away);
    tellRows(added);
    if (note) {
      note.hidden = !added.length || !wait;
      const many = `${added.length}${added.length === rows.length ? "+" : ""}`;
      one("button", note).textContent = words.fresh.replace("0", many);
    }
    for (const row of wait ? [] : added) {
      const place = document.importNode(row, true);
      place.classList.add("changed");
      list.insertBefore(place, [...list.rows].find((other) => other.dataset.live < row.dataset.live) || null);
    }
  };
  const tellRows = (added) => {
    const fresh = added.filter((row) => !told.has(row.dataset.live));
    for (const row of fresh) told.add(row.dataset.live);
    if (!fresh.length) return;
    news.unshift(words.fresh.replace("0", fresh.length), ...fresh.length < 3 ? fresh.map(sentence) : []);
  };
  // Rows that are not on the page any more: either it ends before them, or they have left it.
  const settle = (list, rows, more, away) => {
    const here = new Set(rows.map((row) => row.dataset.live));
    const end = more ? rows.at(-1).dataset.live : "";
    for (const row of [...list.rows].filter((row) => !here.has(row.dataset.live))) {
      const kind = row.dataset.live < end ? "past" : "gone";
      if (!away && (kind === "past" || row.dataset.mark)) row.remove();
      else if (row.dataset.mark !== kind) {
        row.dataset.mark = kind;
        one(".badge-s", row).replaceWith(one(`template[data-live-mark="${kind}"]`).content.cloneNode(true));
      }
    }
  };
  const ask = async () => {
    if (asking || stopped) return;
    asking = true;
    clearTimeout(timer);
    try {
      const headers = { Accept: "text/html", "X-Live": "1" };
      if (mark) headers["If-None-Match"] = mark;
      const options = { headers, credentials: "same-origin", cache: "no-store", redirect: "manual" };
      const response = await fetch(location.href, options);
      if (response.type === "opaqueredirect") { location.reload(); return; }
      if (response.status === 401) {
        stopped = true; // nothing comes until the reader is signed in again
        tell(await response.text(), true);
      } else if (response.status === 200) {
        mark = response.headers.get("ETag");
        const next = new DOMParser().parseFromString(await response.text(), "text/html");
        const every = one("[data-live-page]", next);
        pause = every ? Number(every.dataset.liveEvery) * 1000 : usual;
        latest = next;
        tell("");
        exchange(next);
        tellAges();
      } else if (response.status === 304) {
        tell("");
        if (latest) exchange(latest);
        pause = Math.min(pause * 1.15, 30000);
      } else {
        pause = Math.min(pause * 2, 60000);
        tell(words.broken);
      }
    } catch {
      pause = Math.min(pause * 2, 60000);
      tell(words.lost);
    } finally {
      asking = false;
      plan();
    }
  };
  // What keeps the page from being true is said under the header and to those who do not see it.
  const tell = (trouble, out = false) => {
    const band = one("[data-band]");
    if (!trouble) asOf = new Date();
    const text = trouble && `${words.asOf.replace("0", asOf.toLocaleTimeString([], { hourCycle: "h23" }))} ${trouble}`;
    if (one("[data-band-why]").textContent !== text) {
      one("[data-band-why]").textContent = text;
      news.push(trouble ? text : words.back);
      say();
    }
    band.hidden = !trouble;
    one("a", band).hidden = !out;
    document.body.classList.toggle("stale", Boolean(trouble));
    show(trouble ? words.notLive : words.isLive);
  };
  const show = (word) => {
    turn.hidden = false;
    turn.dataset.state = word === words.isLive ? "on" : "off";
    state.textContent = word;
    one("[data-live-do]").textContent = stopped ? words.resume : words.pause;
  };
  on("click", "[data-live-switch]", () => {
    stopped = !stopped;
    document.cookie = `obdtrack_live=${stopped ? "off" : "on"}; Path=/; SameSite=Lax${secure}`;
    show(stopped ? words.paused : words.isLive);
    pause = usual;
    ask();
  });
  const plan = () => {
    clearTimeout(timer);
    if (!document.hidden && !stopped) timer = setTimeout(ask, pause);
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(timer);
    else { pause = usual; ask(); }
  });
  addEventListener("scroll", () => { if (latest && scrollY < 10 && !stopped) addRows(latest); }, { passive: true });
  on("click", "[data-live-new] button", () => {
    const to = new URL(location.href);
    to.searchParams.delete("before");
    location.assign(to);
  });
  show(stopped ? words.paused : words.isLive);
  plan();
})();
