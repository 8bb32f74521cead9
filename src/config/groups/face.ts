import { section } from '../setting.ts';
import { flag, whole } from '../values.ts';

const setting = section('Pages');

export const face = {
  isOn: setting('DRAGOMAN_UI', {
    value: flag(),
    default: 'true',
    help: 'Serve the pages for people at `/ui/`.',
  }),
  signInHours: setting('DRAGOMAN_UI_SESSION_HOURS', {
    value: whole(1, 8760),
    default: '720',
    help: 'How many hours a browser stays signed in.',
  }),
};
