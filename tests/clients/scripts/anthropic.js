'use strict';
// How its documentation says that streams are read: event by event, and as a message that grows.
const Anthropic = require('@anthropic-ai/sdk');
const { each } = require('./cases');

each(async (it, see) => {
  const client = new Anthropic({ baseURL: it.url, apiKey: 'none', maxRetries: 0, timeout: it.timeout, logLevel: 'off',
    defaultHeaders: { 'X-Options': JSON.stringify(it.options || {}) } });
  const asked = { model: 'claude-sonnet-4-5', max_tokens: 64, messages: [{ role: 'user', content: 'hello' }] };
  if (it.grows) {
    const message = await client.messages.stream(asked).on('text', see).finalMessage();
    see([message.stop_reason, message.content.map((block) => block.text).join()]);
    return;
  }
  for await (const event of await client.messages.create({ ...asked, stream: true })) see(event);
});
