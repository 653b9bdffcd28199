'use strict';
// Plays a stream of streams.json; pieces.py says what the entries mean.
const streams = require('./streams.json');

const slow = Number(process.env.APP_SLOW || 1);
const sleep = (s) => new Promise((done) => setTimeout(done, s * 1000 * slow));

function* pieces(name) {
  for (const piece of streams[name]) {
    if (typeof piece === 'number') yield piece;
    else if (typeof piece === 'string') yield Buffer.from(piece);
    else if ('hex' in piece) yield Buffer.from(piece.hex, 'hex');
    else if ('rows' in piece) {
      yield Buffer.from(Array.from({ length: piece.rows }, (_, n) => `id: ${n}\nevent: row\ndata: {"n": ${n}}\n\n`).join(''));
    } else if ('fill' in piece) yield Buffer.alloc(piece.fill, 'x');
    else if ('drip' in piece) {
      for (const byte of Buffer.from(piece.drip)) {
        yield Buffer.from([byte]);
        yield 0.01;
      }
    }
  }
}

exports.play = async (res, name) => {
  res.writeHead(200, { 'Content-Type': 'text/event-stream;charset=UTF-8', 'Cache-Control': 'no-store' });
  res.flushHeaders();
  for (const piece of pieces(name)) {
    if (typeof piece === 'number') await sleep(piece);
    else res.write(piece);
  }
  res.end();
};
