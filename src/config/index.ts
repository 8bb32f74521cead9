export { type Config, ConfigError, loadConfig, type Surroundings, settingNotes } from './config.ts';
