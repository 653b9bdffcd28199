'use strict';
// Written for pages: of these it needs timers of a window, and a document that it may stop listening to. All else is
// the package itself over Node's fetch. The application parses what is JSON to it, as such code does.
global.window = globalThis;
global.document = { hidden: false, addEventListener() {}, removeEventListener() {} };
const { fetchEventSource } = require('@microsoft/fetch-event-source');
const { each } = require('./cases');

each((it, see) => fetchEventSource(it.url, {
  method: it.method || 'GET',
  openWhenHidden: true,
  onmessage(message) { see([message.event || 'message', it.json ? JSON.parse(message.data) : message.data, message.id]); },
  onclose() { see(['onclose', null]); },
  onerror(error) { throw error; }, // or it would come back for ever
}));
