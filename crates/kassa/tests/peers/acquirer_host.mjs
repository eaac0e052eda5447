/**
 * A second foreign acquirer's host, on npm's iso_8583: the same command line, amount rules, book and output as
 * acquirer_host.py, whose head lists them. It suits profile B alone: ASCII, a raw bitmap, two bytes of length.
 *
 * What the library limits:
 * - it cuts fields out of the bytes without looking whether they are there, and ignores what is left over, so a message
 *   is encoded again and has to come out as it was;
 * - it looks at the bitmap's first bit only when it has four bytes, and knows MTIs of other versions, so both are checked here;
 * - it always writes a second bitmap, present or not: whoever reads its answers must take an empty one;
 * - it takes a MAC (DE 64) for four bytes, so a message that has one is refused as unreadable;
 * - it has no reason for most of its refusals. Fields are therefore checked in acquirer_fields.mjs.
 * Not checked here, and checked there: the time zone of DE 12 and 13, --aav-key, DE 43 beyond ASCII, DE 126's inside.
 *
 * The library is found in $TEST_PEERS_NODE/node_modules, or beside this file.
 */

import { createRequire } from "node:module";
import net from "node:net";
import path from "node:path";
import readline from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { REPEATS, RESPONSES, isRefund, isWellFormed, masked, originalMti, problems } from "./acquirer_fields.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const Iso8583 = createRequire(path.join(process.env.TEST_PEERS_NODE ?? here, "package.json"))("iso_8583");

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    "late-s": { type: "string", default: "1.5" },
    "skew-s": { type: "string", default: "900" },
    "stop-with-stdin": { type: "boolean", default: false },
  },
});

const FRAME_MAX = 8 * 1024;
const ECHOED = [2, 3, 4, 7, 11, 12, 13, 15, 18, 32, 33, 37, 41, 42, 49, 70, 90, 95];
const DECLINES = "05 14 34 41 43 51 54 57 58 59 61 62 63 65 70 75 91 92 93 96".split(" ");
const GARBAGE = Buffer.from("000cf0f1f2f3f4f5f6f7f8f9fafb", "hex");

const approvals = new Map();
const declined = new Set();
const reversedEarly = new Set();
const seen = new Map();
const links = new Set();
let cutoverStan = 900_000;

const emit = (event, facts = {}) => process.stdout.write(`${JSON.stringify({ event, ...facts })}\n`);
const violation = (why, message) => emit("violation", { why, mti: message?.[0], stan: message?.[11] });

// ---- the codec ----

function decode(data) {
  if (data.length < 12 || !/^0[1-8][0-9][0-9]$/.test(data.subarray(0, 4).toString("latin1"))) return { error: "no MTI or no bitmap" };
  const message = new Iso8583().getIsoJSON(data, { lenHeader: false });
  if (message.error) return message;
  const again = new Iso8583({ ...message }).getRawMessage();
  if (!Buffer.isBuffer(again)) return { message, fault: again?.error ?? "it cannot be encoded again" };
  const hasSecond = (data[4] & 0x80) !== 0;
  return again.subarray(20).equals(data.subarray(hasSecond ? 20 : 12)) ? { message } : { error: "its fields do not fill it" };
}

function encode(message) {
  const bytes = new Iso8583(message).getBufferMessage();
  if (!Buffer.isBuffer(bytes)) throw new Error(`cannot encode ${message[0]}: ${bytes?.error}`);
  return bytes;
}

// ---- the book ----

const keyOf = (message) => [message[41], message[11], message[7]].join("|");
const originalKey = (message) => [message[41], message[90].slice(4, 10), message[90].slice(10, 20)].join("|");

function decide(message) {
  if (isRefund(message)) return refund(message);
  switch (originalMti(message[0])) {
    case "0220": return capture(message);
    case "0400":
    case "0420": return reverse(message);
    case "0600": return inquire(message);
    default: return authorise(message);
  }
}

function authorise(message) {
  const key = keyOf(message);
  if (reversedEarly.has(key)) return { code: "12", note: "refused: it was reversed before it came" };
  if ([...approvals.values()].some((known) => known.rrn === message[37])) {
    return { code: "63", violations: ["DE 37 was used for another authorisation"] };
  }
  const amount = Number(message[4]);
  const cents = message[4].slice(-2);
  const isAdvice = originalMti(message[0]) === "0120";
  if (DECLINES.includes(cents) && !isAdvice) {
    declined.add(key);
    return { code: cents };
  }
  const partial = cents === "66" && !isAdvice ? Math.floor(amount / 2) : undefined;
  const approved = partial ?? amount;
  const isSale = originalMti(message[0]) === "0200";
  const approval = {
    terminal: message[41], stan: message[11], de7: message[7], rrn: message[37], pan: message[2], currency: message[49],
    amount, approved, reversed: 0, captured: isSale ? approved : 0, refunded: 0, isSale, code: message[38] ?? `P${message[11].slice(1)}`,
  };
  approvals.set(key, approval);
  return { code: partial === undefined ? "00" : "10", approval, partial };
}

/** A later message carries the original's numbers where it carries them at all. */
function differences(message, approval) {
  const found = [];
  if (message[2] && message[2] !== approval.pan) found.push("DE 2 is not the original's");
  if (!isRefund(message) && message[37] !== approval.rrn) found.push("DE 37 is not the original's");
  if (message[49] !== approval.currency) found.push("DE 49 is not the original's");
  if (message[38] && message[38].trimEnd() !== approval.code.trimEnd()) found.push("DE 38 is not the original's");
  return found;
}

function capture(message) {
  const approval = approvals.get(originalKey(message));
  if (!approval) return { code: "25", violations: ["captures what was never approved"] };
  const amount = Number(message[4]);
  const left = approval.approved - approval.reversed - (approval.isSale ? 0 : approval.captured);
  const violations = differences(message, approval);
  if (amount === 0) violations.push("captures nothing");
  if (amount > left) violations.push(`captures ${amount} of ${left} that are left`);
  if (violations.length) return { code: "13", violations };
  approval.captured += amount;
  return { code: "00", approval };
}

function reverse(message) {
  const key = originalKey(message);
  const approval = approvals.get(key);
  if (!approval) {
    reversedEarly.add(key);
    return declined.has(key) ? { code: "00" } : { code: "25", note: "the original is not known, and will be refused" };
  }
  const violations = differences(message, approval);
  const stays = message[95] ? Number(message[95].slice(0, 12)) : 0;
  if (![approval.amount, approval.approved].includes(Number(message[4]))) violations.push("DE 4 is not the original's");
  if (!approval.isSale && stays < approval.captured) violations.push(`leaves ${stays} although ${approval.captured} are captured`);
  if (stays >= approval.approved - approval.reversed) violations.push("reverses what is reversed already, or nothing");
  if (violations.length) return { code: "12", violations };
  approval.reversed = approval.approved - stays;
  if (approval.isSale) approval.captured = stays;
  return { code: "00", approval };
}

function refund(message) {
  const amount = Number(message[4]);
  const sameCard = [...approvals.values()].filter((known) => known.pan === message[2]);
  const approval = message[90]
    ? approvals.get(originalKey(message))
    : sameCard.find((known) => known.captured - known.refunded >= amount);
  if (!approval) return { code: "12", violations: ["refunds what was never captured"] };
  const left = approval.captured - approval.refunded;
  const violations = message[90] ? differences(message, approval) : [];
  if (amount === 0) violations.push("refunds nothing");
  if (amount > left) violations.push(`refunds ${amount} of ${left} that are left`);
  if (violations.length) return { code: "13", violations };
  if (DECLINES.includes(message[4].slice(-2))) return { code: message[4].slice(-2) };
  approval.refunded += amount;
  return { code: "00", approval };
}

function inquire(message) {
  const approval = approvals.get(originalKey(message));
  if (approval) return { code: "00", approval, violations: differences(message, approval) };
  return { code: declined.has(originalKey(message)) ? "05" : "25" };
}

function printBook() {
  const entries = [...approvals.values()].map(({ pan, isSale, code, ...entry }) => ({ pan: masked(pan), ...entry }));
  const sum = (name) => entries.reduce((total, entry) => total + entry[name], 0);
  const names = ["approved", "reversed", "captured", "refunded"];
  const totals = Object.fromEntries(names.map((name) => [name, sum(name)]));
  emit("book", { approvals: entries, totals, declined: declined.size });
}

// ---- the links ----

class Link {
  signedOn = false;
  held = [];
  stans = new Set();
  cutovers = new Map();
  received = Buffer.alloc(0);

  constructor(socket) {
    this.socket = socket;
    links.add(this);
    socket.on("data", (data) => this.read(data));
    socket.on("end", () => this.received.length && violation("the link ended in the middle of a frame"));
    socket.on("close", () => links.delete(this));
    socket.on("error", () => socket.destroy());
  }

  read(data) {
    this.received = Buffer.concat([this.received, data]);
    while (this.received.length >= 2 && !this.socket.destroyed) {
      const length = this.received.readUInt16BE(0);
      if (length > FRAME_MAX) {
        violation(`a frame of ${length} bytes`);
        return this.socket.destroy();
      }
      if (this.received.length < 2 + length) return;
      const frame = this.received.subarray(2, 2 + length);
      this.received = this.received.subarray(2 + length);
      if (length) this.hear(frame);
    }
  }

  hear(data) {
    const { message, fault, error } = decode(data);
    if (error) return violation(`unreadable: ${error}`);
    emit("request", { mti: message[0], stan: message[11], amount: message[4], rrn: message[37] });
    if (message[0] === "0810") return this.heardCutover(message);
    const faults = problems(message, Number(options["skew-s"]));
    if (fault && !faults.length) faults.push(fault);
    if (!faults.length && message[70] !== "001" && !this.signedOn) faults.push("it is not signed on");
    if (faults.length) return this.refuse(message, faults);
    return message[0] === "0800" ? this.manage(message) : this.transact(message);
  }

  refuse(message, faults) {
    faults.forEach((fault) => violation(fault, message));
    if (RESPONSES[originalMti(message[0])] && message[11]) this.answer(response(message, { code: "30" }));
  }

  manage(message) {
    if (this.stans.has(message[11])) violation("DE 11 was used before on this link", message);
    this.stans.add(message[11]);
    if (message[70] === "001") this.signedOn = true;
    if (message[70] === "002") this.signedOn = false;
    this.answer(response(message, { code: "00" }));
  }

  transact(message) {
    const day = [message[41], message[11], message[7].slice(0, 4)].join("|");
    const { 0: mti, ...rest } = message;
    const body = JSON.stringify(rest);
    const first = seen.get(day);
    if (first) return this.hearAgain(message, body, first);
    const decision = decide(message);
    const answer = response(message, decision);
    seen.set(day, { mti, body, de7: message[7], answer });
    (decision.violations ?? []).forEach((why) => violation(why, message));
    if (decision.note) emit("note", { why: decision.note, stan: message[11] });
    this.answerByAmount(message, answer);
  }

  hearAgain(message, body, first) {
    const isRepeat = message[0] in REPEATS;
    const isOther = originalMti(message[0]) !== originalMti(first.mti) || message[7] !== first.de7;
    if (isOther || (body !== first.body && !isRepeat)) return this.refuse(message, ["DE 11 was used before for something else"]);
    if (body !== first.body) return this.refuse(message, ["a repeat differs from its original"]);
    if (!isRepeat) violation(`${message[0]} came again without the repeat digit`, message);
    emit("note", { why: "a repeat", stan: message[11] });
    this.answer(first.answer);
  }

  answerByAmount(message, answer) {
    const cents = message[4].slice(-2);
    if (!["0100", "0200"].includes(originalMti(message[0]))) {
      const isFirst = !(message[0] in REPEATS) && message[0] !== "0600";
      if (cents !== "76" || !isFirst) this.answer(answer);
      return;
    }
    const frame = encode(answer);
    switch (cents) {
      case "77": return emit("note", { why: "never answered", stan: message[11] });
      case "78": return this.socket.destroy();
      case "79": return void setTimeout(() => this.answer(answer), Number(options["late-s"]) * 1000);
      case "80": this.answer(answer); return this.send(frame);
      case "81": this.send(GARBAGE); return this.answer(answer);
      case "82": return void this.socket.end(frame.subarray(0, frame.length / 2), () => this.socket.destroy());
      case "83": return void this.held.push(frame);
      default: return this.answer(answer);
    }
  }

  send(frame) {
    if (!this.socket.destroyed) this.socket.write(frame);
  }

  answer(answer) {
    emit("answer", { mti: answer[0], stan: answer[11], code: answer[39] });
    this.send(encode(answer));
    this.held.splice(0).forEach((frame) => this.send(frame));
  }

  cutOver() {
    const now = new Date().toISOString().replace(/\D/g, "").slice(4, 14);
    cutoverStan += 1;
    this.cutovers.set(String(cutoverStan), now);
    this.send(encode({ 0: "0800", 7: now, 11: String(cutoverStan), 15: now.slice(0, 4), 70: "201" }));
  }

  heardCutover(message) {
    const isAnswer = this.cutovers.get(message[11]) === message[7] && message[39] === "00" && message[70] === "201";
    if (!isAnswer) violation("0810 answers nothing that was asked", message);
    this.cutovers.delete(message[11]);
  }
}

function response(message, decision) {
  const answer = { 0: RESPONSES[originalMti(message[0])], 39: decision.code };
  for (const key of ECHOED) if (isWellFormed(key, message[key])) answer[key] = message[key];
  if (decision.approval && ["00", "10"].includes(decision.code)) answer[38] = decision.approval.code.padEnd(6);
  if (decision.partial !== undefined) {
    answer[54] = `0057${message[49]}D${message[4]}`;
    answer[4] = String(decision.partial).padStart(12, "0");
  }
  return answer;
}

// ---- the process ----

const server = net.createServer((socket) => new Link(socket));
server.listen(Number(options.port), "127.0.0.1", () => process.stdout.write(`${server.address().port}\n`));

const orders = {
  book: printBook,
  drop: () => links.forEach((link) => link.socket.destroy()),
  cutover: () => links.forEach((link) => link.cutOver()),
};
const stop = () => {
  printBook();
  process.exit(0);
};
const lines = readline.createInterface({ input: process.stdin });
lines.on("line", (line) => (orders[line.trim()] ?? (() => emit("note", { why: "no such order" })))());
if (options["stop-with-stdin"]) lines.on("close", stop);
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
