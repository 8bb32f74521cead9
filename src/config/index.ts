export { allSettings, type Config, ConfigError, describeConfig, loadConfig } from './config.ts';
