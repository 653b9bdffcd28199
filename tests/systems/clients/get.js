'use strict';
// Node's own http client with a keep-alive agent: `node get.js URL…` prints the status and body of each as a JSON line.
const http = require('http');

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const get = (url) => new Promise((done, failed) => {
  http.get(url, { agent }, (res) => {
    let body = '';
    res.setEncoding('utf8').on('data', (part) => { body += part; });
    res.on('end', () => done({ status: res.statusCode, body, reused: res.req.reusedSocket }));
  }).on('error', failed);
});

(async () => {
  for (const url of process.argv.slice(2)) console.log(JSON.stringify(await get(url)));
  agent.destroy();
})();
