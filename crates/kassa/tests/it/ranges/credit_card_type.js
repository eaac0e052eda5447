// Runs where the package is installed. With `prefixes`: those it knows, a line each: the lowest, a blank, the highest.
// With `find`: for each number of the standard input the card's name, a tab, and whether its numbers are that long.
"use strict";

const { createRequire } = require("node:module");
const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const creditCardType = createRequire(join(process.cwd(), "package.json"))("credit-card-type");

const prefixes = () => {
  const patterns = Object.values(creditCardType.types).flatMap((type) => creditCardType.getTypeInfo(type).patterns);
  return patterns.map((pattern) => (Array.isArray(pattern) ? pattern.join(" ") : `${pattern} ${pattern}`));
};

const find = (number) => {
  const found = creditCardType(number);
  if (found.length > 1) throw new Error(`${number} is of several cards`);
  return found.map((card) => `${card.niceType}\t${card.lengths.includes(number.length)}`).join();
};

const numbers = () => readFileSync(0, "utf8").trimEnd().split("\n");
const lines = { prefixes, find: () => numbers().map(find) }[process.argv[2]]();
process.stdout.write(lines.map((line) => `${line}\n`).join(""));
