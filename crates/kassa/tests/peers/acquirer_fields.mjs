/**
 * What the host in acquirer_host.mjs takes: which data elements a message has, how each is written, and what one says
 * about another. The same documentation as acquirer_fields.py, written down a second time.
 */

export const REPEATS = { "0101": "0100", "0121": "0120", "0201": "0200", "0221": "0220", "0401": "0400", "0421": "0420" };
export const RESPONSES = {
  "0100": "0110", "0120": "0130", "0200": "0210", "0220": "0230", "0400": "0410", "0420": "0430", "0600": "0610", "0800": "0810",
};

const CARD = "3 4 7 11 12 13 32 37 41 42 49";
const SALE = `${CARD} 2 14 18 19 22 25 43`;
const MORE = "24 33 48 60 61 62 63 126";
const REVERSAL = [`${CARD} 39 90`, "2 14 18 19 22 24 25 33 38 43 60 61 62 63 95"];
const ELEMENTS = {
  "0100": [SALE, MORE],
  "0120": [`${CARD} 2 14 22 25 39`, `18 19 38 43 ${MORE}`],
  "0200": [SALE, MORE],
  refund: [`${CARD} 22 25`, "2 14 18 19 24 33 38 43 48 60 61 62 63 90"],
  "0220": [`${CARD} 22 25 90`, "2 14 18 19 24 33 38 39 43 48 60 61 62 63"],
  "0400": REVERSAL,
  "0420": REVERSAL,
  "0600": [`${CARD} 90`, "2 22 25 33 38"],
  "0800": ["7 11 70", "15 32 33"],
};
const FORBIDDEN = {
  35: "track 2", 36: "track 3", 45: "track 1", 52: "a PIN", 53: "PIN data", 55: "chip data",
  64: "a MAC without a key", 65: "a third bitmap", 128: "a MAC without a key",
};
const FORMATS = {
  2: /^\d{12,19}$/, 3: /^[02]00000$/, 4: /^\d{12}$/, 7: /^\d{10}$/, 11: /^(?!0{6})\d{6}$/,
  12: /^\d{6}$/, 13: /^\d{4}$/, 14: /^\d\d(0[1-9]|1[0-2])$/, 15: /^\d{4}$/, 18: /^\d{4}$/, 19: /^(?!000)\d{3}$/,
  22: /^(010|012|100|102|810|812)$/, 25: /^(08|59)$/, 32: /^\d{1,11}$/, 33: /^\d{1,11}$/, 37: /^[0-9A-Za-z]{12}$/,
  38: /^[0-9A-Za-z]{1,6} {0,5}$/, 39: /^[0-9A-Z]{2}$/, 41: /^(?! ).{8}$/, 42: /^(?! ).{15}$/,
  43: /^(?! ).{22} (?! ).{13} [A-Z]{3}$/, 49: /^(?!000)\d{3}$/, 70: /^(001|002|201|301)$/, 90: /^0[126]\d[01]\d{38}$/,
  95: /^\d{12}0{30}$/,
};
const POINT_OF_SERVICE = /^1\d251\d([048])\d\d6\d{3}(\d{3})[0-9A-Za-z ]{0,10}$/;
const PROGRAMME = /^010120236[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const LEVELS = ["210", "211", "212", "215", "216", "217", "242", "246", "247"];

export const originalMti = (mti) => REPEATS[mti] ?? mti;
export const isRefund = (message) => "12".includes(message[0][1]) && (message[3] ?? "").startsWith("20");
export const isWellFormed = (key, value) => value !== undefined && (FORMATS[key]?.test(value) ?? true);
export const masked = (pan) =>
  pan.length > 12 ? pan.slice(0, 6) + "*".repeat(pan.length - 10) + pan.slice(-4) : "*".repeat(pan.length - 4) + pan.slice(-4);

/** Every reason why a message is refused. */
export function problems(message, skewS) {
  const mti = originalMti(message[0]);
  const table = ELEMENTS[mti === "0200" && isRefund(message) ? "refund" : mti];
  if (!table) return [`MTI ${message[0]} is not spoken here`];
  const [required, optional] = table.map((row) => row.split(" "));
  const present = Object.keys(message).filter((key) => key !== "0");
  const found = required.filter((key) => !(key in message)).map((key) => `DE ${key} is missing`);
  for (const key of present) {
    if (key in FORBIDDEN) found.push(`DE ${key}: ${FORBIDDEN[key]} has no place here`);
    else if (!required.includes(key) && !optional.includes(key)) found.push(`DE ${key} does not belong in ${message[0]}`);
    if (FORMATS[key] && !FORMATS[key].test(message[key])) found.push(`DE ${key} is badly formed`);
  }
  return found.length ? found : [...times(message, skewS), ...contents(message, mti)];
}

/** MMDDhhmmss as milliseconds, in the year that brings it nearest to now; NaN where there is no such moment. */
function moment(text) {
  const [month, ...rest] = text.match(/\d\d/g).map(Number);
  const year = new Date().getUTCFullYear();
  const moments = [year - 1, year, year + 1].map((each) => Date.UTC(each, month - 1, ...rest));
  const nearest = moments.sort((a, b) => Math.abs(a - Date.now()) - Math.abs(b - Date.now()))[0];
  return new Date(nearest).toISOString().replace(/\D/g, "").slice(4, 14) === text ? nearest : NaN;
}

function times(message, skewS) {
  const sent = moment(message[7]);
  if (Number.isNaN(sent)) return ["DE 7 is no moment"];
  const found = [];
  if (!(message[0] in REPEATS) && Math.abs(sent - Date.now()) > skewS * 1000) found.push("DE 7 is not now");
  if (message[12] && Number.isNaN(moment(message[13] + message[12]))) found.push("DE 13 and 12 are no moment");
  return found;
}

function passesLuhn(pan) {
  const sum = [...pan].reverse().reduce((total, digit, at) => {
    const worth = at % 2 ? Number(digit) * 2 : Number(digit);
    return total + (worth > 9 ? worth - 9 : worth);
  }, 0);
  return sum % 10 === 0;
}

function contents(message, mti) {
  const found = [];
  if (message[2] && !passesLuhn(message[2])) found.push("DE 2 fails its check digit");
  if (mti === "0800" && (message[70] === "201") !== "15" in message) found.push("DE 15 goes with a cutover, and only with that");
  if (["810", "812"].includes(message[22]) && (message[25] ?? "59") !== "59") found.push("DE 22 is e-commerce and DE 25 is not");
  if (message[90]) found.push(...originalData(message));
  if (["0400", "0420"].includes(mti) && !["10", "17", "21", "22", "32", "68"].includes(message[39])) {
    found.push("DE 39 is no reason for a reversal");
  }
  if (["0100", "0200"].includes(mti) && !isRefund(message)) found.push(...payment(message));
  return found;
}

function originalData(message) {
  const text = message[90];
  const found = [];
  if (!["0100", "0120", "0200"].includes(text.slice(0, 4))) found.push("DE 90 names an MTI that is not undone");
  if (text.slice(4, 10) === "000000") found.push("DE 90 has no STAN");
  if (Number.isNaN(moment(text.slice(10, 20)))) found.push("DE 90 has no moment");
  if (text.slice(20, 31) !== message[32].padStart(11, "0")) found.push("DE 90 has another DE 32");
  if (text.slice(31) !== (message[33] ?? "").padStart(11, "0")) found.push("DE 90 has another DE 33");
  return found;
}

/** Tags of two digits and lengths of two digits, or null. */
function tagged(text) {
  const tags = {};
  for (let at = 0; at < text.length; ) {
    const [tag, length] = [text.slice(at, at + 2), text.slice(at + 2, at + 4)];
    const data = text.slice(at + 4, at + 4 + Number(length));
    if (!/^\d{4}$/.test(tag + length) || tag in tags || data.length !== Number(length)) return null;
    tags[tag] = data;
    at += 4 + data.length;
  }
  return tags;
}

const isMaestro = (pan) => ["50", "56", "57", "58", "63", "67"].includes(pan.slice(0, 2));
const isMastercards = (pan) => isMaestro(pan) || /^(5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/.test(pan);

function payment(message) {
  const mastercards = isMastercards(message[2]);
  const missing = ["48", "61"].filter((key) => mastercards && !(key in message));
  if (missing.length) return missing.map((key) => `DE ${key} is missing for this brand`);
  const found = [];
  if (mastercards && message[126]) found.push("DE 126 is not of this brand");
  if (message[61]) {
    const match = POINT_OF_SERVICE.exec(message[61]);
    if (!match) found.push("DE 61 is not an electronic order");
    else if (match[2] !== message[19]) found.push("DE 61 has another country than DE 19");
    else if ((match[1] === "8") !== (Number(message[4]) === 0)) found.push("DE 61 position 7 does not agree with the amount");
  }
  if (message[48]) found.push(...private48(message[48], message[2], mastercards));
  return found;
}

function private48(text, pan, mastercards) {
  const tags = tagged(text.slice(1));
  if (text[0] !== "T" || !tags) return ["DE 48 is badly formed"];
  const found = [];
  const level = (tags[42] ?? "").slice(4);
  const proven = ["211", "212"].includes(level);
  if (mastercards && !LEVELS.includes(level)) found.push("DE 48.42 is missing or unknown");
  else if (mastercards && proven && !isAav(tags[43] ?? "")) found.push("DE 48.43 is no AAV of 20 bytes");
  else if (isMaestro(pan) && !proven && level !== "217") found.push("Maestro without authentication");
  if (tags[66] && !PROGRAMME.test(tags[66])) found.push("DE 48.66 is badly formed");
  if (tags[92] && !/^\d{3}$/.test(tags[92])) found.push("DE 48.92 is badly formed");
  return found;
}

const isAav = (text) => /^[0-9A-Za-z+/]{27}=$/.test(text) && Buffer.from(text, "base64").length === 20;
