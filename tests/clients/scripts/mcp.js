'use strict';
// A client that lists the server's tools and calls one over Streamable HTTP.
const { Client } = require('@modelcontextprotocol/sdk/client/index.js');
const { StreamableHTTPClientTransport } = require('@modelcontextprotocol/sdk/client/streamableHttp.js');
const { LoggingMessageNotificationSchema, ResourceUpdatedNotificationSchema } = require('@modelcontextprotocol/sdk/types.js');
const { each } = require('./cases');

each(async (it, see) => {
  const client = new Client({ name: 'test', version: '1' });
  const news = new Promise((arrived) => {
    let count = 0;
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, (notice) => {
      see(['news', notice.params.uri]);
      if (++count === 2) arrived();
    });
  });
  client.setNotificationHandler(LoggingMessageNotificationSchema, (notice) => see(['log', notice.params.data]));
  client.onerror = (error) => see(['onerror', error.name, error.message.split('\n')[0]]);
  await client.connect(new StreamableHTTPClientTransport(new URL(it.url), {
    requestInit: { headers: { 'X-Options': JSON.stringify(it.options || {}) } },
  }), { timeout: it.timeout });
  try {
    if (it.options && 'news' in it.options) return await news;
    see(['tools', (await client.listTools()).tools.map((tool) => tool.name)]);
    const onprogress = it.progress ? (progress) => see(['progress', progress.progress]) : undefined;
    const result = await client.callTool({ name: 'wait', arguments: it.arguments || {} }, undefined,
      { timeout: it.timeout, onprogress, resetTimeoutOnProgress: true });
    see(['result', result.content[0].text]);
  } finally {
    await client.close();
  }
});
