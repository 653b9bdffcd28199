'use strict';
// The parser beneath many SDKs, fed with what fetch receives.
const { createParser } = require('eventsource-parser');
const { each } = require('./cases');

each(async (it, see) => {
  const response = await fetch(it.url, { headers: { Accept: 'text/event-stream' } });
  const parser = createParser({
    onEvent: (event) => see([event.event ?? 'message', event.data, event.id ?? null]),
    onError: (error) => see(['onError', error.type, error.field ?? null]),
    onRetry: (delay) => see(['onRetry', delay]),
  });
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) parser.feed(text);
});
