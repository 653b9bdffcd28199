// Drives Chromium for the cases: a command is the JSON body of a POST to this port, and so is what came of it.
//
//   node browser.js PORT OPTIONS      OPTIONS is JSON: executablePath and args of playwright's launch()
'use strict';

const http = require('http');
const path = require('path');
const { chromium } = require('playwright-core');

const pages = new Map(); // by number: the page and the heads of the answers that it got
let browser;
let context;

const commands = {
  async open({ url }) {
    const page = await context.newPage();
    const number = pages.size;
    const heads = [];
    const network = await context.newCDPSession(page);
    const requests = new Map();
    network.on('Network.responseReceived', ({ requestId, response }) => {
      const { url, status, protocol, connectionId } = response;
      const head = { path: new URL(url).pathname, status, protocol, connection: connectionId, bytes: 0 };
      requests.set(requestId, head);
      heads.push(head);
    });
    network.on('Network.dataReceived', ({ requestId, dataLength }) => {
      if (requests.has(requestId)) requests.get(requestId).bytes += dataLength;
    });
    await network.send('Network.enable');
    pages.set(number, { page, heads });
    await page.goto(url);
    return number;
  },
  evaluate: ({ page, expression, argument }) =>
    pages.get(page).page.evaluate(([text, value]) => eval(text)(value), [expression, argument]),
  heads: async ({ page, path }) => pages.get(page).heads.filter((head) => head.path.startsWith(path)),
  async forget() {
    await context?.close();
    context = await browser.newContext();
    await context.addInitScript({ path: path.join(__dirname, 'page.js') });
  },
  close: ({ page }) => pages.get(page).page.close(),
};

async function answer(request, response) {
  let body = '';
  for await (const piece of request) body += piece;
  try {
    const command = JSON.parse(body);
    response.end(JSON.stringify({ value: await commands[command.do](command) }));
  } catch (problem) {
    response.end(JSON.stringify({ problem: problem.message }));
  }
}

async function main() {
  const [port, options] = process.argv.slice(2);
  browser = await chromium.launch({ ...JSON.parse(options), handleSIGTERM: false });
  process.on('SIGTERM', async () => {
    await browser.close();
    process.exit(0);
  });
  await commands.forget();
  http.createServer(answer).listen(Number(port), '127.0.0.1');
}

main().catch((problem) => {
  console.error(problem);
  process.exit(1);
});
