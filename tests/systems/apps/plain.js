'use strict';
// Node's http server, telling what it was asked, byte for byte where it can.
const crypto = require('crypto');
const http = require('http');
const { play } = require('./pieces');

function answer(req, res, digest, length) {
  const body = JSON.stringify({
    method: req.method, target: Buffer.from(req.url, 'latin1').toString('hex'), version: req.httpVersion, fields: req.rawHeaders,
    trailers: req.rawTrailers, length, sha256: digest.digest('hex'),
  });
  res.setHeader('Content-Type', 'application/json');
  res.setHeader('Set-Cookie', ['a=1; Path=/', 'b=2; HttpOnly']);
  res.end(body);
}

function trailers(res) {
  res.writeHead(200, { 'Content-Type': 'text/plain', Trailer: 'X-Checksum' });
  res.write('body with ');
  res.write('a checksum behind it');
  res.addTrailers({ 'X-Checksum': 'c0ffee' });
  res.end();
}

function hints(res) {
  res.writeEarlyHints({ link: '</style.css>; rel=preload' });
  setTimeout(() => res.end('after the hints'), 100);
}

const server = http.createServer((req, res) => {
  if (req.url.startsWith('/streams/')) return play(res, req.url.slice('/streams/'.length));
  if (req.url === '/trailers') return trailers(res);
  if (req.url === '/hints') return hints(res);
  if (req.url === '/refuse') return res.writeHead(413, { Connection: 'close' }).end('too much');
  const digest = crypto.createHash('sha256');
  let length = 0;
  req.on('data', (part) => { digest.update(part); length += part.length; });
  req.on('end', () => answer(req, res, digest, length));
  return undefined;
});

// A server that looks before it says `100 Continue`.
server.on('checkContinue', (req, res) => {
  if (req.headers.authorization) {
    res.writeContinue();
    server.emit('request', req, res);
  } else {
    res.writeHead(401, { 'WWW-Authenticate': 'Basic realm="uploads"', Connection: 'close' }).end('who are you?');
  }
});

server.keepAliveTimeout = Number(process.env.KEEP_ALIVE || 5000);
server.listen(Number(process.argv[2]), '127.0.0.1');
