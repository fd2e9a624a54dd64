// What the pages need besides htmx and Tabler: conditional polling, times in the viewer's zone, running durations,
// copying, confirmations, and the plot. Everything works on attributes, so that swapped-in fragments need no set-up.
(() => {
  "use strict";
  const html = document.documentElement;
  const announce = (text) => {
    const region = document.getElementById("announcer");
    if (region) region.textContent = text;
  };

  // ---------------------------------------------------------------- requests

  // Live parts ask "has it changed?": the last ETag goes along, and a 304 leaves the page alone.
  const etags = new WeakMap();

  document.addEventListener("htmx:config:request", (event) => {
    const { request, sourceElement } = event.detail.ctx;
    const token = document.querySelector('meta[name="csrf-token"]');
    if (token && request.method !== "GET") request.headers["X-CSRFToken"] = token.content;
    if (sourceElement.hasAttribute("data-live")) {
      if (gosipLive.newest()) request.headers["X-Newer-Than"] = gosipLive.newest().toFixed(3);
      request.cache = "no-store"; // our own If-None-Match, so that the 304 reaches us and not the browser's cache
      const etag = etags.get(sourceElement);
      if (etag) request.headers["If-None-Match"] = etag;
    }
  });

  document.addEventListener("htmx:before:request", (event) => {
    const { sourceElement } = event.detail.ctx;
    if (!sourceElement.hasAttribute("data-live")) return;
    if (document.hidden || folded(sourceElement) || busy(sourceElement) || !gosipLive.mayAsk(sourceElement)) event.preventDefault();
  });

  // What is folded up asks for nothing: it is read when somebody unfolds it.
  const folded = (element) => element.closest("details:not([open])") !== null;

  document.addEventListener(
    "toggle",
    ({ target }) => {
      if (target.open) target.querySelectorAll(":scope > [data-live]").forEach((part) => htmx.trigger(part, "refresh"));
    },
    true,
  );

  // Nobody's menu closes and nobody's text selection vanishes because a table was refreshed under it.
  function busy(element) {
    if (document.querySelector(".dropdown-menu.show")?.closest("[data-live]") === element) return true;
    const selection = document.getSelection();
    return selection !== null && !selection.isCollapsed && element.contains(selection.anchorNode);
  }

  document.addEventListener("htmx:after:request", (event) => {
    const { sourceElement, response } = event.detail.ctx;
    if (!response) return;
    // A form that answers for itself: the reasons are swapped in beside what was typed.
    if (sourceElement.hasAttribute("data-inline") && [401, 422, 429].includes(response.status)) return;
    if (response.status === 401) {
      location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
      event.preventDefault();
      return;
    }
    if (sourceElement.hasAttribute("data-live")) {
      if (response.status < 400) gosipLive.answered(sourceElement);
      if (response.status === 200) etags.set(sourceElement, response.headers.get("ETag"));
      connection(response.status < 500);
      if (response.status >= 400) event.preventDefault(); // keep the last good picture
    } else if (response.status >= 400) {
      event.preventDefault();
      const title = response.headers.get("X-Error-Title");
      toast(title ? decodeURIComponent(title) : "That did not work. Reload the page and try again.");
    }
  });

  document.addEventListener("htmx:error", (event) => {
    if (event.detail.ctx?.sourceElement?.hasAttribute("data-live")) connection(false);
  });

  function connection(works) {
    const banner = document.getElementById("connection-lost");
    if (banner && banner.hidden !== works) banner.hidden = works;
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) document.querySelectorAll("[data-live]").forEach((part) => htmx.trigger(part, "refresh"));
  });

  function toast(text) {
    const template = document.getElementById("toast-template");
    const stack = document.getElementById("toasts");
    if (!template || !stack) return;
    const element = template.content.firstElementChild.cloneNode(true);
    element.querySelector("[data-text]").textContent = text;
    stack.append(element);
    element.addEventListener("hidden.bs.toast", () => element.remove());
    tabler.Toast.getOrCreateInstance(element).show();
  }

  // ---------------------------------------------------------------- times

  // The server renders in the zone that the cookie names. On the very first visit it cannot know it: then the
  // times already on the page are rendered anew here.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zoneDiffers = zone && html.dataset.timezone !== zone;
  if (zoneDiffers) document.cookie = `gosip_timezone=${zone}; Path=/; Max-Age=31536000; SameSite=Lax; Secure`;

  function localTime(element) {
    const date = new Date(element.dateTime);
    if (Number.isNaN(date.getTime())) return;
    const part = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options }).format(date);
    const clock = part({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
    const day = part({ day: "numeric", month: "short", year: "numeric" });
    element.textContent = element.dataset.format === "time" ? clock : element.dataset.format === "date" ? day : `${day}, ${clock}`;
  }

  function duration(seconds) {
    const two = (number) => String(number).padStart(2, "0");
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.floor(seconds / 60) % 60;
    return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
  }

  function coarse(seconds) {
    if (seconds < 60) return "less than a minute";
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
    return `${Math.floor(seconds / 86400)} d ${Math.floor(seconds / 3600) % 24} h`;
  }

  // The machine's clock and the viewer's may differ: durations count on the server's.
  const skew = Number(html.dataset.now) * 1000 - Date.now();

  function tick() {
    const now = Date.now() + skew;
    document.querySelectorAll("time[data-since]").forEach((element) => {
      const seconds = Math.max(0, Math.floor((now - new Date(element.dateTime).getTime()) / 1000));
      const text = element.dataset.since === "coarse" ? coarse(seconds) : duration(seconds);
      if (element.textContent !== text) element.textContent = text;
    });
  }

  function refreshTimes() {
    if (zoneDiffers) document.querySelectorAll("time[data-format]").forEach(localTime);
    tick();
  }

  // ---------------------------------------------------------------- small helpers on the page

  async function copy(button) {
    const source = document.querySelector(button.dataset.copy);
    const text = source ? source.value ?? source.textContent.trim() : "";
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // No clipboard permission: select it, so that Ctrl+C does the rest.
      const range = document.createRange();
      range.selectNodeContents(source);
      document.getSelection().removeAllRanges();
      document.getSelection().addRange(range);
      announce("Selected. Press Ctrl and C to copy.");
      return;
    }
    const label = button.querySelector("[data-copy-label]");
    announce(`${button.getAttribute("aria-label") ?? "Text"}: copied`);
    button.classList.add("text-success");
    const before = label?.textContent;
    if (label) label.textContent = "Copied";
    setTimeout(() => {
      button.classList.remove("text-success");
      if (label) label.textContent = before;
    }, 2000);
  }

  function confirmFirst(event, form) {
    const dialog = document.getElementById("confirm-dialog");
    if (form.dataset.confirmed || !dialog) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    dialog.querySelector("[data-confirm-title]").textContent = form.dataset.confirm;
    dialog.querySelector("[data-confirm-text]").textContent = form.dataset.confirmText ?? "";
    const action = dialog.querySelector("[data-confirm-action]");
    action.textContent = form.dataset.confirmAction ?? "Continue";
    action.onclick = () => {
      form.dataset.confirmed = "yes";
      modal.hide();
      form.requestSubmit();
      delete form.dataset.confirmed;
    };
    const modal = tabler.Modal.getOrCreateInstance(dialog);
    modal.show();
  }

  // Live fragments are shared by all viewers, so their forms carry no token: the page's own is put in here.
  function addToken(form) {
    if (form.method !== "post" || form.elements.csrf_token) return;
    const input = document.createElement("input");
    input.type = "hidden";
    input.name = "csrf_token";
    input.value = document.querySelector('meta[name="csrf-token"]').content;
    form.append(input);
  }

  document.addEventListener("submit", (event) => {
    addToken(event.target);
    if (event.target.matches("form[data-confirm]")) confirmFirst(event, event.target);
  }, true);

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.copy) copy(button);
    else if (button.hasAttribute("data-theme-toggle")) window.gosipTheme.toggle();
    else if (button.dataset.reveal) {
      const input = document.querySelector(button.dataset.reveal);
      const shown = input.type === "text";
      input.type = shown ? "password" : "text";
      button.setAttribute("aria-pressed", String(!shown));
    }
  });

  // ---------------------------------------------------------------- plots

  // A canvas does not understand var() and color-mix(): the browser works them out on an element.
  function resolved(canvas, colour) {
    const probe = document.createElement("span");
    probe.hidden = true;
    probe.style.color = colour;
    canvas.parentElement.append(probe);
    const result = getComputedStyle(probe).color;
    probe.remove();
    return result;
  }

  // The figures stand in a table that screen readers read; each canvas draws the table that it names: the columns that
  // say so, or all of them. What is no number there is a gap.
  const kinds = {
    count: () => ({
      type: "bar",
      dataset: { borderRadius: 3, maxBarThickness: 22 },
      x: { stacked: true },
      y: { stacked: true, beginAtZero: true, suggestedMax: 4, ticks: { precision: 0 } },
    }),
    score: (count) => ({
      type: "line",
      dataset: { borderWidth: 2, pointRadius: count < 3 ? 3 : 0, spanGaps: true, tension: 0.2 },
      x: {},
      y: { min: 1, max: 4.5, ticks: { stepSize: 1, includeBounds: false } },
    }),
  };

  function plotAll() {
    if (typeof Chart !== "undefined") document.querySelectorAll("canvas[data-plot]").forEach(plot);
  }

  function plot(canvas) {
    const table = document.getElementById(canvas.dataset.plot);
    if (!table) return;
    const rows = [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent.trim()));
    const colour = (name) => resolved(canvas, `var(${name})`);
    const heads = [...table.tHead.rows[0].cells].map((cell, index) => ({ cell, index })).slice(1);
    const marked = heads.filter(({ cell }) => cell.hasAttribute("data-plotted"));
    const columns = marked.length ? marked : heads;
    const figure = (text) => (text === "" || Number.isNaN(Number(text)) ? null : Number(text));
    const colours = [colour("--tblr-primary"), colour("--tblr-orange")];
    const text = colour("--tblr-secondary");
    const lines = colour("--tblr-border-color");
    const kind = kinds[canvas.dataset.plotKind](rows.length);
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    let chart = Chart.getChart(canvas);
    if (!chart) {
      chart = new Chart(canvas, {
        type: kind.type,
        data: { labels: [], datasets: columns.map(({ cell }) => ({ label: cell.textContent.trim(), data: [], ...kind.dataset })) },
        options: {
          animation: false,
          maintainAspectRatio: false,
          interaction: { mode: "index", intersect: false },
          plugins: { legend: { position: "bottom", labels: { usePointStyle: true, pointStyle: "rectRounded", boxHeight: 7 } } },
          scales: {
            x: { grid: { display: false }, border: { display: false }, ...kind.x },
            y: { border: { display: false }, ...kind.y },
          },
        },
      });
    }
    chart.data.labels = rows.map((row) => row[0]);
    chart.data.datasets.forEach((dataset, number) => {
      Object.assign(dataset, kind.dataset);
      dataset.data = rows.map((row) => figure(row[columns[number].index]));
      dataset.backgroundColor = dataset.borderColor = colours[number];
      // Not by colour alone: the second line is dashed.
      if (kind.type === "line" && number) dataset.borderDash = [5, 4];
    });
    chart.options.scales.x.ticks = { maxRotation: 0, autoSkipPadding: 16, color: text };
    chart.options.scales.y.ticks = { ...kind.y.ticks, color: text };
    chart.options.scales.y.grid = { color: lines };
    chart.options.plugins.legend.labels.color = text;
    chart.update();
  }

  // What somebody has unfolded stays open when the part around it is swapped.
  const unfolded = new Set();

  document.addEventListener("click", ({ target }) => {
    const details = target.closest("summary")?.parentElement;
    if (details?.id) unfolded[details.open ? "delete" : "add"](details.id);
  });

  function unfold() {
    unfolded.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
  }

  // ---------------------------------------------------------------- start

  document.addEventListener("htmx:after:swap", (event) => {
    refreshTimes();
    unfold();
    plotAll();
    const { sourceElement, target } = event.detail.ctx ?? {};
    if (sourceElement?.hasAttribute("data-inline")) target.querySelector(".is-invalid, [autofocus]")?.focus();
  });
  document.addEventListener("gosip:theme", plotAll);
  document.addEventListener("DOMContentLoaded", () => {
    refreshTimes();
    plotAll();
    setInterval(tick, 1000);
    document.fonts.ready.then(plotAll); // a canvas is not drawn again by itself when its font arrives
    // A password that was shown once must not come back with "reload": the address becomes that of the device.
    const replace = document.querySelector("[data-replace-address]");
    if (replace) history.replaceState(null, "", replace.dataset.replaceAddress);
    (document.querySelector(".is-invalid") ?? document.querySelector("[autofocus]"))?.focus();
  });
})();
