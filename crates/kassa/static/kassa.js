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

  // "4=3400-3499amex,4000-4999visa;6=493698-493698maestro": what is known by four digits, and better by six. Of several
  // brands ("visa+maestro") the usual one is first; without one the card is not taken.
  const card = byId("card_number");
  const steps = ((card && card.dataset.ranges) || "").split(";").filter(Boolean).reverse().map((step) => {
    const [length, runs] = step.split("=");
    const read = (run) => /^(\d+)-(\d+)(.*)$/.exec(run).slice(1);
    return [Number(length), runs.split(",").map(read)];
  });
  const brandsOf = (digits) => {
    for (const [length, runs] of steps) {
      const start = digits.slice(0, length);
      const run = start.length === length && runs.find(([low, high]) => low <= start && start <= high);
      if (run) return run[2].split("+").filter(Boolean);
    }
    return [];
  };

  // Brings up the brands of a card that has several.
  const choice = byId("brand_choice");
  const offer = (digits) => {
    if (!choice || digits.length < 4) return;
    const brands = brandsOf(digits);
    const options = [...choice.querySelectorAll("label")];
    for (const option of options) option.hidden = !brands.includes(option.dataset.choice);
    const shown = options.filter((option) => !option.hidden);
    choice.hidden = choice.disabled = shown.length < 2;
    if (choice.hidden) return;
    const { between, ordered } = choice.dataset;
    choice.dataset.between = brands.join("+");
    const isChosen = shown.some((option) => option.control.checked);
    if (isChosen && (!between || between === choice.dataset.between)) return;
    const named = (brand) => shown.find((option) => option.dataset.choice === brand);
    (named(ordered) || brands.map(named).find(Boolean)).control.checked = true;
  };

  // The mark in the field is the chosen brand's, or the usual one's.
  const mark = (digits) => {
    const chosen = choice && !choice.disabled && choice.querySelector(":checked");
    const brands = brandsOf(digits);
    const brand = chosen && brands[1] ? chosen.value.toLowerCase() : brands[0];
    for (const image of document.querySelectorAll("img[data-brand]")) image.hidden = image.dataset.brand !== brand;
  };

  const group = (digits) => {
    const sizes = brandsOf(digits)[0] === "amex" ? [4, 6, 5, 4] : [4, 4, 4, 4, 3];
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
    offer(digits);
    mark(digits);
  });
  if (choice) choice.addEventListener("change", () => mark(card.value.replace(/\D/g, "")));
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
