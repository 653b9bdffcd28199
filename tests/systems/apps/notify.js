'use strict';
// The notification server: its head leaves with the first event, unless the caller asks for it at once.
const http = require('http');
const journal = require('./journal');

const slow = Number(process.env.APP_SLOW || 1);

http.createServer((req, res) => {
  const url = new URL(req.url, 'http://notify');
  const after = Number(url.searchParams.get('after') || 1.2) * 1000 * slow;
  const name = url.searchParams.get('name');
  if (url.pathname === '/ready') return res.end('ready');
  if (url.pathname === '/pid') return res.end(String(process.pid));
  if (url.pathname === '/later') return void setTimeout(() => res.end('at last'), after);
  if (url.pathname !== '/events') return res.writeHead(404).end();
  journal(`open ${name}`);
  res.on('close', () => journal(`close ${name}`));
  res.setHeader('Content-Type', 'text/event-stream');
  if (url.searchParams.get('hello')) res.write('event: connection_confirmed\ndata: {}\n\n');
  else if (url.searchParams.get('flush')) res.flushHeaders();
  if (url.searchParams.get('never')) return undefined;
  setTimeout(() => {
    res.write('event: new_message\ndata: {"chat_id":13}\n\n');
    res.end();
  }, after);
}).listen(Number(process.argv[2]), '127.0.0.1');
