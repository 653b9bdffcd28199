'use strict';
// Cases come as JSON on standard input, all are read at the same time, and each becomes a JSON line: what the
// application saw, in its order, and the error that it got.
const undici = require('undici');

const plain = (error) => ({ name: error.name, class: error.constructor.name, message: String(error.message), status: error.status ?? null });

exports.each = async (read) => {
  let text = '';
  for await (const part of process.stdin.setEncoding('utf8')) text += part;
  const { cases, patience } = JSON.parse(text);
  if (patience) {
    // Node's fetch is undici's: it gives up a body that is silent for 300 s (that of Debian's Node 18 never does).
    const dispatcher = new undici.Agent({ bodyTimeout: patience });
    globalThis.fetch = (url, init) => undici.fetch(url, { ...init, dispatcher });
  }
  await Promise.all(cases.map(async (it) => {
    const seen = [];
    let error = null;
    const began = process.hrtime.bigint();
    try {
      await read(it, (what) => seen.push(what));
    } catch (problem) {
      error = plain(problem);
    }
    console.log(JSON.stringify({ name: it.name, seen, error, seconds: Number(process.hrtime.bigint() - began) / 1e9 }));
  }));
  process.exit(0); // whatever a client still keeps
};
exports.plain = plain;
