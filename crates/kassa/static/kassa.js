// Comforts for the payment pages. Everything works without this file: it only formats what is typed, shows the
// brand, and closes pop-up windows. It never sends or stores anything.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const inPopup = (() => {
    try {
      return Boolean(window.opener) && window.opener !== window;
    } catch {
      return false;
    }
  })();

  // Longest prefix first.
  const brands = [
    ["maestro", /^(493698|50|5[6-8]|6(?!011|2|4|5))/],
    ["amex", /^3[47]/],
    ["mastercard", /^(5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/],
    ["visa", /^4/],
  ];
  const brandOf = (digits) => (brands.find(([, prefix]) => prefix.test(digits)) || [""])[0];

  const group = (digits) => {
    const sizes = brandOf(digits) === "amex" ? [4, 6, 5, 4] : [4, 4, 4, 4, 3];
    const groups = [];
    let start = 0;
    for (const size of sizes) {
      if (start < digits.length) groups.push(digits.slice(start, start + size));
      start += size;
    }
    return groups.join(" ");
  };

  // MM/YY, also from MMYYYY as browsers fill it in and from a month without its zero.
  const expiry = (digits, text, deleting) => {
    if (!deleting && (/^[2-9]/.test(digits) || /^1\s*[/.-]/.test(text))) digits = "0" + digits;
    if (/^\d\d20\d\d$/.test(digits)) digits = digits.slice(0, 2) + digits.slice(4);
    if (digits.length < 2 || (digits.length === 2 && deleting)) return digits;
    return digits.slice(0, 2) + "/" + digits.slice(2, 6);
  };

  // Rewrites a field, keeping the caret behind the same digit.
  const rewrite = (input, format, event) => {
    const before = input.value;
    const caret = input.selectionStart === null ? before.length : input.selectionStart;
    const digits = before.replace(/\D/g, "");
    const after = format(digits, before, Boolean(event) && /^delete/.test(event.inputType || ""));
    if (after === before) return;
    input.value = after;
    if (document.activeElement !== input) return;
    let position = after.length;
    if (caret < before.length) {
      let left = before.slice(0, caret).replace(/\D/g, "").length;
      for (position = 0; left > 0 && position < after.length; position++) {
        if (/\d/.test(after[position])) left--;
      }
    }
    input.setSelectionRange(position, position);
  };

  const watch = (id, format, then) => {
    const input = byId(id);
    if (!input) return;
    const update = (event) => {
      rewrite(input, format, event);
      if (then) then(input.value.replace(/\D/g, ""));
    };
    input.addEventListener("input", update);
    input.addEventListener("change", update);
    window.addEventListener("pageshow", update);
    update();
  };

  watch("card_number", (digits) => group(digits.slice(0, 19)), (digits) => {
    const brand = brandOf(digits);
    for (const mark of document.querySelectorAll("img[data-brand]")) mark.hidden = mark.dataset.brand !== brand;
  });
  watch("card_expiry", expiry);
  watch("card_cvc", (digits) => digits.slice(0, 4));

  if (inPopup) {
    for (const input of document.querySelectorAll("input[name=popup]")) input.value = "1";
    const cancel = byId("cancel");
    if (cancel) {
      const url = new URL(cancel.href);
      url.searchParams.set("popup", "1");
      cancel.href = url.href;
    }
  }

  // Browsers may bring back a page as it was left: how the payment stands is asked anew.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
  });

  // A form is sent once.
  for (const form of document.querySelectorAll("form[data-once]")) {
    const button = form.querySelector("button");
    let sent = false;
    form.addEventListener("submit", (event) => {
      if (sent) {
        event.preventDefault();
        return;
      }
      sent = true;
      button.setAttribute("aria-disabled", "true");
    });
  }

  // The last page of a pop-up: the shop goes on in the window it came from.
  const last = document.querySelector("a[data-target]");
  if (last && /^https?:$/.test(last.protocol)) {
    if (inPopup) {
      try {
        window.opener.location = last.href;
        window.close();
      } catch {
        window.location.replace(last.href);
      }
    } else {
      window.location.replace(last.href);
    }
  }
})();
