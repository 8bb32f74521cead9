export { allSettings, type Config, ConfigError, loadConfig } from './config.ts';
