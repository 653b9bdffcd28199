'use strict';
// How its documentation says that streams are read: chat completions, and responses.
const { OpenAI } = require('openai');
const { each } = require('./cases');

each(async (it, see) => {
  const client = new OpenAI({ baseURL: it.url, apiKey: 'none', maxRetries: 0, timeout: it.timeout, logLevel: 'off',
    defaultHeaders: { 'X-Options': JSON.stringify(it.options || {}) } });
  const stream = it.responses
    ? await client.responses.create({ model: 'gpt-4o-mini', input: 'hello', stream: true })
    : await client.chat.completions.create({ model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'hello' }], stream: true });
  for await (const chunk of stream) see(chunk);
});
