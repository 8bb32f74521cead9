import { section } from '../setting.ts';
import { flag, whole } from '../values.ts';

const setting = section('Pages');

export const face = {
  isOn: setting('DRAGOMAN_UI', {
    value: flag(),
    default: 'true',
    help: 'Serve the pages for people at `/ui/`.',
  }),
  shares: setting('DRAGOMAN_SHARES', {
    value: flag(),
    default: 'false',
    help: 'Let keys share read-only copies of notebooks by a link, which anyone who has it can read without a key until it ends.',
  }),
  signInHours: setting('DRAGOMAN_UI_SESSION_HOURS', {
    value: whole(1, 8760),
    default: '720',
    help: 'How many hours a browser stays signed in.',
  }),
};
