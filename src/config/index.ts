export { parseFilesPlace } from './bucket.ts';
export { allSettings, type Config, ConfigError, describeConfig, loadConfig } from './config.ts';
export { clientVariables } from './given.ts';
export { parsePostgresUrl } from './values.ts';
