// Says one verb to the runner, by the Node addon or a published package: `say.mjs WAY VERB ARGUMENT...`.
import { createRequire } from 'node:module';

const [way, verb, ...args] = process.argv.slice(2);
const addon = () => createRequire(import.meta.url)(process.env.VP_RUN_NODE_CLIENT_PATH).load();
const client = way === 'addon' ? addon() : await import(way);
const camel = verb.replace(/_glob$|_prefix$/, '').replace(/_(.)/g, (_, c) => c.toUpperCase());
if (verb === 'get_envs_prefix') args[0] = { prefix: args[0] };
console.log(JSON.stringify(client[camel](...args)) ?? 'none');
