// This file is for what a page does beyond standing still: live updates, ticking ages, the viewer's own time zone.
// Without it every page works; nothing here makes a sentence that the server did not make.
"use strict";
(() => {
  const QUIET_MS = 45000; // neither an event nor an answer for so long: the page is not live
  const REFRESH_MS = Number(document.body.dataset.refresh) || 30000; // strips, ratios and the newest proof are asked for anew
  const SPACING_MS = 1000; // between two refreshes because of changes
  const loadedAt = Date.now();
  const serverAt = Date.parse(document.querySelector("#link time")?.dateTime ?? "") || loadedAt;
  const ahead = serverAt - loadedAt; // of the server's clock before ours
  const two = n => String(n).padStart(2, "0");

  const age = seconds => {
    const s = Math.max(0, Math.floor(seconds));
    const pair = (a, u, b, v) => b ? `${a} ${u} ${b} ${v}` : `${a} ${u}`;
    if (s < 60) return `${s} s`;
    if (s < 3600) return `${Math.floor(s / 60)} min`;
    if (s < 86400) return pair(Math.floor(s / 3600), "h", Math.floor(s % 3600 / 60), "min");
    return pair(Math.floor(s / 86400), "d", Math.floor(s % 86400 / 3600), "h");
  };

  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const local = root => {
    for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
      const at = new Date(time.dateTime);
      if (isNaN(at)) continue;
      const hm = `${two(at.getHours())}:${two(at.getMinutes())}`;
      const day = `${two(at.getDate())} ${MONTHS[at.getMonth()]}`;
      const full = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${hm}:${two(at.getSeconds())}`;
      const today = at.toDateString() === new Date().toDateString();
      time.title = `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;
      const clock = `${hm}:${two(at.getSeconds())}`;
      const onDay = text => (today ? text : `${day} ${text}`);
      time.textContent = { clock, hm, day, short: onDay(hm), second: onDay(clock) }[time.dataset.as] ?? full;
      time.dataset.local = "";
    }
  };

  const tick = () => {
    const now = Date.now() + ahead;
    for (const one of document.querySelectorAll("[data-age]")) {
      const at = Date.parse(one.dataset.age);
      const said = isNaN(at) ? "never" : age((now - at) / 1000);
      if (one.textContent !== said) one.textContent = said;
    }
    showLink();
  };

  // Where the page stands with the server.
  const link = document.getElementById("link"), words = document.getElementById("link-words");
  const live = !!document.querySelector("[data-live]");
  let heardAt = Date.now(), lostAt = 0, connected = false;
  const heard = () => { heardAt = Date.now(); lostAt = 0; connected = true; };
  const lost = () => { lostAt ||= heardAt; };
  const showLink = () => {
    if (!live) return;
    if (!lostAt && Date.now() - heardAt > QUIET_MS) lost();
    link.classList.toggle("lost", !!lostAt);
    link.classList.toggle("live", connected && !lostAt);
    document.body.classList.toggle("stale", !!lostAt && Date.now() - lostAt > 10000);
    if (!connected && !lostAt) return;
    const said = lostAt ? `not connected since ${age((Date.now() - lostAt) / 1000)}` : "live";
    if (words.textContent !== said) words.textContent = said;
  };

  // Take the regions of a page that the server made anew; the focus stays where it was.
  const placeOf = one => one && one !== document.body && (one.id ? `#${CSS.escape(one.id)}` : one.getAttribute("href") ? `a[href="${CSS.escape(one.getAttribute("href"))}"]` : "");
  const take = page => {
    document.title = page.title;
    const icon = document.getElementById("icon"), shown = page.getElementById("icon")?.getAttribute("href");
    if (icon && shown && icon.getAttribute("href") !== shown) icon.setAttribute("href", shown);
    for (const fresh of page.querySelectorAll("[data-live]")) {
      const old = document.getElementById(fresh.id);
      if (!old) continue;
      local(fresh);
      if (old.innerHTML === fresh.innerHTML) continue;
      const focus = old.contains(document.activeElement) ? placeOf(document.activeElement) : "";
      const open = new Set([...old.querySelectorAll("details[open] > summary")].map(s => s.textContent));
      old.replaceChildren(...fresh.childNodes);
      for (const s of old.querySelectorAll("details > summary")) if (open.has(s.textContent)) s.parentElement.open = true;
      if (focus) old.querySelector(focus)?.focus({ preventScroll: true });
    }
  };

  let asking = false, again = false, lastAsked = 0, timer = 0;
  const refresh = async () => {
    if (asking) { again = true; return; }
    asking = true;
    lastAsked = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, credentials: "same-origin" });
      if (answer.redirected || answer.status === 401) { location.reload(); return; }
      if (!answer.ok) throw new Error(String(answer.status));
      take(new DOMParser().parseFromString(await answer.text(), "text/html"));
      heard();
    } catch { lost(); }
    asking = false;
    tick();
    if (again) { again = false; soon(); }
  };
  const soon = () => {
    if (timer) return;
    const wait = Math.max(0, lastAsked + SPACING_MS - Date.now());
    timer = setTimeout(() => { timer = 0; refresh(); }, wait);
  };

  // What happens, as the server tells it.
  const announce = document.getElementById("announce");
  const GLYPHS = { fail: "✖", error: "!", inconclusive: "?", degraded: "▲", pass: "✔", skipped: "–" };
  const toneOf = new Map();
  const learn = () => { for (const row of document.querySelectorAll("[data-slug]")) toneOf.set(row.dataset.slug, row.dataset.tone); };
  const happened = event => {
    const before = toneOf.get(event.slug), verdict = event.verdict;
    const maintained = before === "maintenance" || event.maintenance;
    for (const row of document.querySelectorAll(`tr[data-slug="${CSS.escape(event.slug)}"]`)) {
      const asked = row.querySelector(".c-asked [data-age]");
      if (asked && event.at) asked.dataset.age = event.at;
      if (maintained || before === verdict || !GLYPHS[verdict]) continue;
      const mark = row.querySelector(".mark");
      mark.className = `mark ${verdict}`;
      mark.firstChild.textContent = GLYPHS[verdict];
      mark.lastChild.textContent = verdict;
      row.className = `r-${verdict} changed`;
      row.dataset.tone = verdict;
      announce.textContent = `${row.querySelector("th").textContent}: ${verdict}`;
    }
    if (!maintained) toneOf.set(event.slug, verdict);
    const bad = v => v === "fail" || v === "error" || v === "inconclusive";
    return before === undefined ? bad(verdict) || !document.querySelector("[data-slug]") : before !== verdict;
  };
  const listen = address => {
    const events = new EventSource(address);
    events.onopen = () => { heard(); soon(); };
    events.onerror = lost;
    events.addEventListener("hello", heard);
    events.addEventListener("resync", () => { heard(); soon(); });
    events.addEventListener("ticks", message => {
      heard();
      const only = document.body.dataset.only; // the page is about one series, and shows each tick of it
      let changed = true; // what cannot be read is read anew as a page
      try {
        const told = JSON.parse(message.data).events;
        changed = told.map(happened).some(Boolean);
        if (only) changed = told.some(one => one.slug === only);
      } finally {
        if (changed) soon();
        tick();
      }
    });
  };

  // Point at a strip to read its slots.
  const SAID = { f: "failed", e: "could not be judged", i: "proved nothing", d: "degraded", p: "passed", s: "skipped", m: "in maintenance", x: "due and not asked", n: "not asked" };
  document.addEventListener("mousemove", pointed => {
    const strip = pointed.target.closest?.("svg.strip[data-kinds]");
    if (!strip || strip.querySelector(".k-over")) return;
    const box = strip.getBoundingClientRect();
    const place = Math.min(strip.dataset.kinds.length - 1, Math.max(0, Math.floor((pointed.clientX - box.left) / box.width * strip.dataset.kinds.length)));
    const at = new Date(Date.parse(strip.dataset.from) + place * strip.dataset.slot * 1000);
    let title = strip.querySelector("title");
    if (!title) strip.prepend(title = document.createElementNS("http://www.w3.org/2000/svg", "title"));
    title.textContent = `${at.toLocaleString()}: ${SAID[strip.dataset.kinds[place]] ?? ""}`;
  });

  local(document);
  learn();
  tick();
  setInterval(tick, 1000);
  if (live) {
    if (document.body.dataset.events) listen(document.body.dataset.events);
    else heard();
    setInterval(() => { if (!document.hidden) refresh(); }, REFRESH_MS);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
    new MutationObserver(learn).observe(document.getElementById("main"), { childList: true, subtree: true });
  }
})();
