// The pages of 3-D Secure: they carry messages between browser and bank. Without this file each has a button.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);

  // What the bank is told of this browser.
  for (const input of document.querySelectorAll("input[name=browser]")) {
    input.value = JSON.stringify({
      language: String(navigator.language || ""),
      java: String(Boolean(navigator.javaEnabled && navigator.javaEnabled())),
      depth: String(screen.colorDepth),
      height: String(screen.height),
      width: String(screen.width),
      zone: String(new Date().getTimezoneOffset()),
    });
  }

  // The 3DS Method: the bank looks at the browser in a hidden frame. The page goes on when that is done, or after a
  // while.
  const proceed = byId("proceed");
  if (proceed) {
    let gone = false;
    const goOn = () => {
      if (gone) return;
      gone = true;
      proceed.elements.width.value = window.innerWidth;
      proceed.elements.height.value = window.innerHeight;
      proceed.submit();
    };
    proceed.addEventListener("submit", (event) => {
      event.preventDefault();
      goOn();
    });
    const method = byId("method");
    if (method) {
      window.addEventListener("message", (event) => {
        if (event.origin === location.origin && event.data === "threeds-method-done") goOn();
      });
      window.setTimeout(goOn, Number(proceed.dataset.limit));
      method.submit();
    } else {
      goOn();
    }
  }
  if (document.body.hasAttribute("data-method-done") && window.parent !== window) {
    window.parent.postMessage("threeds-method-done", location.origin);
  }

  // Pages that only carry a message on, and the way out of the bank's frame.
  for (const form of document.querySelectorAll("form[data-relay]")) {
    form.submit();
    // Beside the bank's frame there is nothing left to press.
    if (form.target) form.hidden = true;
  }
  const top = document.querySelector("a[data-top]");
  if (top) window.top.location.replace(top.href);
})();
