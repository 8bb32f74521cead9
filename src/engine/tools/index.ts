export { CallBroker, callBroker } from './broker.ts';
export { connectTools } from './connect.ts';
export { SchemaChecker } from './schema-checker.ts';
