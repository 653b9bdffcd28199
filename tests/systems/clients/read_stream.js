'use strict';
// What a browser does with fetch: `node read_stream.js METHOD URL [BODY]` prints one JSON line for the head, each event and the end.
const [method, url, body] = process.argv.slice(2);
const say = (line) => console.log(JSON.stringify(line));

async function main() {
  const response = await fetch(url, { method, body, headers: body ? { 'Content-Type': 'application/json' } : { Accept: 'text/event-stream' } });
  say({ status: response.status, type: response.headers.get('content-type') });
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let buffer = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    buffer += decoder.decode(value, { stream: true });
    const blocks = buffer.split('\n\n');
    buffer = blocks.pop();
    for (const block of blocks) {
      const fields = block.split('\n').filter((line) => line && !line.startsWith(':'));
      const read = (name) => fields.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2)).join('\n');
      if (fields.length) say({ event: read('event') || 'message', data: read('data') });
    }
  }
  say({ end: 'done' });
}

main().catch((error) => say({ end: 'error', message: error.message, cause: String(error.cause && error.cause.code) }));
