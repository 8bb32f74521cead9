import { describe, expect, it } from 'vitest';
import { Cancellations } from './cancellations.ts';

const ann = { id: 'ann', tenant: 't', name: 'ann' };
const bob = { id: 'bob', tenant: 't', name: 'bob' };

describe('requests that can be cancelled', () => {
  it('end once, and are then known to have ended', () => {
    const cancellations = new Cancellations(() => 0);
    let ended = 0;
    cancellations.begin(ann, 'r', () => ended++);
    expect(cancellations.cancel(ann, 'r')).toBe(true);
    expect(cancellations.cancel(ann, 'r')).toBe(false);
    expect(ended).toBe(1);
  });

  it('are to another principal as if they did not exist', () => {
    const cancellations = new Cancellations(() => 0);
    cancellations.begin(ann, 'r', () => {});
    for (const stranger of [bob, { ...ann, tenant: 'u' }])
      expect(() => cancellations.cancel(stranger, 'r')).toThrow(expect.objectContaining({ code: 'not_found' }));
  });

  it('of one principal are not forgotten for the many of another', () => {
    const cancellations = new Cancellations(() => 0);
    let ended = false;
    cancellations.begin(bob, 'r', () => {
      ended = true;
    });
    for (let n = 0; n < 5000; n++) cancellations.begin(ann, `r${n}`, () => {})(undefined);
    expect(cancellations.cancel(bob, 'r')).toBe(true);
    expect(ended).toBe(true);
  });

  it('have names that two principals may both use', () => {
    const cancellations = new Cancellations(() => 0);
    const ended: string[] = [];
    cancellations.begin(ann, 'r', () => ended.push('ann'));
    cancellations.begin(bob, 'r', () => ended.push('bob'));
    cancellations.cancel(ann, 'r');
    expect(ended).toEqual(['ann']);
  });
});
