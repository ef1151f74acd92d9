// Keys, comparison with the neighbour, and what changes without a reload. Pages work without it.

const main = document.getElementById("main");
const status = document.getElementById("status");

/// Goes where a link of the page leads.
function follow(id) {
  const link = document.getElementById(id);
  if (link instanceof HTMLAnchorElement) {
    link.click();
    return true;
  }
  return false;
}

/// Shows the neighbour's image in place of the frame's, or the frame's again.
function compare() {
  const button = document.getElementById("compare");
  const image = document.getElementById("image");
  if (!button || !image) {
    return false;
  }
  const other = button.dataset.other;
  button.dataset.other = image.getAttribute("src");
  image.setAttribute("src", other);
  const pressed = button.getAttribute("aria-pressed") === "true";
  button.setAttribute("aria-pressed", String(!pressed));
  const overlay = document.querySelector(".large .overlay");
  // What is marked is of this frame alone.
  overlay?.toggleAttribute("hidden", !pressed);
  overlay?.setAttribute("visibility", pressed ? "visible" : "hidden");
  return true;
}

document.addEventListener("click", (event) => {
  if (event.target instanceof Element && event.target.closest("#compare")) {
    compare();
  }
});

const KEYS = {
  ArrowLeft: () => follow("earlier"),
  ArrowRight: () => follow("later"),
  " ": compare,
  u: () => follow("up"),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof Element && event.target.closest("input, select, textarea, button, a, summary");
  if (event.ctrlKey || event.altKey || event.metaKey || (typing && event.key === " ") || event.target instanceof HTMLInputElement) {
    return;
  }
  if (KEYS[event.key]?.()) {
    event.preventDefault();
  }
});

/// Fetches the page again and puts its content in place, unless someone is in the middle of something.
async function refresh() {
  const busy = document.activeElement?.closest("form, details") || document.querySelector("#compare[aria-pressed=true]");
  if (busy) {
    status.textContent = "There is something new: reload to see it.";
    return;
  }
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok || answer.redirected) {
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("main");
  if (fresh && fresh.innerHTML !== main.innerHTML) {
    const focused = document.activeElement?.getAttribute("href");
    main.replaceChildren(...fresh.childNodes);
    document.title = page.title;
    status.textContent = "Updated.";
    if (focused) {
      [...main.querySelectorAll("a")].find((it) => it.getAttribute("href") === focused)?.focus({ preventScroll: true });
    }
  }
}

if (document.body.hasAttribute("data-live")) {
  const changes = new EventSource("/console/events");
  let waiting;
  changes.addEventListener("changed", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => refresh().catch(() => {}), 150);
  });
}
