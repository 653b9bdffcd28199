'use strict';
// The EventSource of the package. It comes back at every end: here after `comes_back` times the page has seen enough.
const { EventSource } = require('eventsource');
const { each } = require('./cases');

const NAMES = ['message', 'note', 'job', 'typed', 'x', 'gone', 'prüfung', 'row', 'ping', 'heartbeat', 'connected', 'stream_end'];

each((it, see) => new Promise((done) => {
  const source = new EventSource(it.url);
  let left = it.comes_back || 0;
  let ended;
  for (const name of NAMES) source.addEventListener(name, (event) => see([event.type, event.data, event.lastEventId]));
  source.onopen = () => { if (ended) see(['came back', Date.now() - ended]); };
  source.onerror = (event) => {
    see(['onerror', event.code ?? null, event.message ?? null]);
    ended = Date.now();
    if (left-- > 0 && source.readyState !== source.CLOSED) return;
    source.close();
    done();
  };
}));
