import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { RedisStore } from '/work/main/storage/redis.ts';
import { contract } from '/work/main/test/storage/contract.ts';
import { textCodec } from '/work/main/test/storage/bytes.ts';
import { startRedis, type RedisServer } from '/work/main/test/support/redis.ts';
let server: RedisServer;
let n = 0;
beforeAll(async () => { server = await startRedis(); });
afterAll(() => server.stop());
contract('redis', async () => {
  const store = new RedisStore<string>({ url: server.url, prefix: `t${n++}`, codec: textCodec, timeoutMs: 2000 });
  onTestFinished(() => store.close());
  await store.ready(2000);
  return store;
});
