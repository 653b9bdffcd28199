'use strict';
// The batch service: a POST starts the work, its answer is an event stream of progress that ends when the work is done.
const http = require('http');
const journal = require('./journal');

const silence = 1000 * Number(process.env.SILENCE || 3);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

function sendEvent(res, type, data) {
  res.write(`event: ${type}\n`);
  res.write(`data: ${JSON.stringify(data)}\n\n`);
}

async function readBody(req) {
  const parts = [];
  for await (const part of req) parts.push(part);
  return Buffer.concat(parts).toString();
}

async function generate(req, res) {
  const batch = JSON.parse(await readBody(req));
  journal(`batch ${batch.id}`);
  res.on('close', () => journal(`${res.writableFinished ? 'done' : 'aborted'} ${batch.id}`));
  res.setHeader('Content-Type', 'text/event-stream');
  res.setHeader('Cache-Control', 'no-cache');
  res.setHeader('Connection', 'keep-alive');
  res.setHeader('X-Accel-Buffering', 'no');
  sendEvent(res, 'batch-start', { id: batch.id, tasks: batch.tasks });
  for (let task = 1; task <= batch.tasks; task++) {
    sendEvent(res, 'task-progress', { task });
    await sleep(100);
  }
  await sleep(silence);
  sendEvent(res, 'batch-complete', { completed: batch.tasks, failed: 0 });
  res.end();
}

// The process that would answer dies first: the caller has no way to know whether the work was begun.
async function crash(req, res) {
  const batch = JSON.parse(await readBody(req));
  journal(`batch ${batch.id}`);
  res.socket.destroy();
}

http.createServer((req, res) => {
  if (req.method === 'POST' && req.url === '/api/batch/generate-stream') generate(req, res);
  else if (req.method === 'POST' && req.url === '/api/batch/crash') crash(req, res);
  else res.writeHead(404).end();
}).listen(Number(process.argv[2]), '127.0.0.1');
