export { type Image, openCatalogue, type Service, startService } from './all.ts';
