import { section } from '../setting.ts';
import { hostAndPort } from '../values.ts';

const setting = section('Sandboxes');

export const sandboxes = {
  sandboxDomain: setting('DRAGOMAN_SANDBOX_DOMAIN', {
    value: hostAndPort(),
    unset: 'the host that the client called',
    help: 'The name on which E2B clients build host names of sandboxes, as `code.example.org`: `https://49999-<id>.code.example.org` must then reach this service. Clients that are given `E2B_SANDBOX_URL` need none.',
  }),
};
