// Stands in every page: opens EventSources and writes down what becomes of them.
'use strict';

const streams = {};

// Milliseconds since the stream was asked for, with every entry.
function listen({ name, url, events, credentials }) {
  const began = performance.now();
  const source = new EventSource(url, { withCredentials: credentials });
  const stream = { source, opens: [], errors: [], events: [], wakes: new Set() };
  const note = (list, entry) => {
    list.push({ at: performance.now() - began, ...entry });
    for (const wake of stream.wakes) wake();
  };
  source.onopen = () => note(stream.opens, {});
  source.onerror = () => note(stream.errors, { readyState: source.readyState });
  for (const type of ['message', ...events]) {
    source.addEventListener(type, ({ data, lastEventId }) => note(stream.events, { type, data, id: lastEventId }));
  }
  streams[name] = stream;
}

function state(name) {
  const { source, opens, errors, events } = streams[name];
  return { readyState: source.readyState, opens, errors, events };
}

// Until there are so many opens, errors and events (of all types, or of those that `of` names), and this readyState.
function until({ name, wanted, patience }) {
  const stream = streams[name];
  const { opens = 0, errors = 0, events = 0, of, readyState } = wanted;
  const told = () => (of ? stream.events.filter(({ type }) => of.includes(type)) : stream.events);
  const reached = () =>
    stream.opens.length >= opens &&
    stream.errors.length >= errors &&
    told().length >= events &&
    (readyState === undefined || stream.source.readyState === readyState);
  return new Promise((resolve, reject) => {
    const end = (settle, value) => {
      clearTimeout(timer);
      stream.wakes.delete(wake);
      settle(value);
    };
    const wake = () => reached() && end(resolve, state(name));
    const give_up = () =>
      end(reject, new Error(`${name} never had ${JSON.stringify(wanted)}: ${JSON.stringify(state(name))}`));
    const timer = setTimeout(give_up, patience);
    stream.wakes.add(wake);
    wake();
  });
}

const hang_up = (name) => streams[name].source.close();

Object.assign(window, { listen, state, until, hang_up }); // what stands here is a function's own
