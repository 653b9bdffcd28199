'use strict';
// A chat over WebSocket, written on Node's plain upgrade event, beside pages and an event stream on the same port.
const crypto = require('crypto');
const http = require('http');
const journal = require('./journal');

const slow = Number(process.env.APP_SLOW || 1);
const server = http.createServer((req, res) => {
  if (req.url === '/events') {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    res.write('data: one\n\n');
    setTimeout(() => res.end('data: two\n\n'), 2000 * slow);
  } else {
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify({ url: req.url, connection: req.headers.connection || null, upgrade: req.headers.upgrade || null }));
  }
});

function frame(opcode, payload) {
  const length = payload.length;
  let head;
  if (length < 126) head = Buffer.from([0x80 | opcode, length]);
  else if (length < 65536) head = Buffer.from([0x80 | opcode, 126, length >> 8, length & 255]);
  else {
    head = Buffer.alloc(10);
    head.writeUInt16BE(((0x80 | opcode) << 8) | 127);
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, payload]);
}

function unframe(buffer) {
  if (buffer.length < 6) return null;
  let length = buffer[1] & 127;
  let at = 2;
  if (length === 126) { length = buffer.readUInt16BE(2); at = 4; }
  if (length === 127) {
    if (buffer.length < 14) return null;
    length = Number(buffer.readBigUInt64BE(2));
    at = 10;
  }
  if (buffer.length < at + 4 + length) return null;
  const mask = buffer.subarray(at, at + 4);
  const payload = Buffer.from(buffer.subarray(at + 4, at + 4 + length));
  for (let n = 0; n < length; n++) payload[n] ^= mask[n & 3];
  return { opcode: buffer[0] & 15, payload, rest: buffer.subarray(at + 4 + length) };
}

server.on('upgrade', (req, socket, early) => {
  if ((req.headers.upgrade || '').toLowerCase() !== 'websocket') {
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    return;
  }
  if (req.url === '/forbidden') {
    socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 10\r\nX-Reason: members\r\n\r\nno members');
    return;
  }
  const accept = crypto.createHash('sha1').update(`${req.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${accept}\r\n` +
    (req.headers['sec-websocket-protocol'] ? `Sec-WebSocket-Protocol: ${req.headers['sec-websocket-protocol']}\r\n` : '') + '\r\n');
  if (req.url === '/greeting') socket.write(frame(1, Buffer.from('welcome')));
  let pending = early;
  const take = () => {
    for (let message = unframe(pending); message; message = unframe(pending)) {
      pending = message.rest;
      if (message.opcode === 8) return socket.end(frame(8, message.payload));
      socket.write(frame(message.opcode === 9 ? 10 : message.opcode, message.payload));
    }
    return undefined;
  };
  socket.on('data', (part) => { pending = Buffer.concat([pending, part]); take(); });
  socket.on('end', () => socket.end());
  socket.on('error', () => {});
  socket.on('close', () => journal(`socket closed ${req.url}`));
  take();
});

server.listen(Number(process.argv[2]), '127.0.0.1');
