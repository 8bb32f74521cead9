import { describe, expect, it } from 'vitest';
import { parseCgroupHost } from './host.ts';

describe('parseCgroupHost', () => {
  it('reads a host with version 2 alone', () => {
    const mountinfo = '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate';
    expect(parseCgroupHost(mountinfo, '0::/user.slice/app.scope\n', 1000)).toMatchObject({
      version: 2,
      v2: { mount: '/sys/fs/cgroup', path: '/user.slice/app.scope' },
    });
  });

  it('reads a hybrid host, where the memory controller decides', () => {
    const mountinfo = [
      '40 30 0:33 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
      '41 30 0:34 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
      '42 30 0:35 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
    ].join('\n');
    const host = parseCgroupHost(mountinfo, '5:memory:/a\n4:cpu,cpuacct:/b\n0::/c\n', 0);
    expect(host.version).toBe(1);
    expect(host.v1.get('memory')).toEqual({ mount: '/sys/fs/cgroup/memory', path: '/a' });
    expect(host.v1.get('cpuacct')).toEqual({ mount: '/sys/fs/cgroup/cpu,cpuacct', path: '/b' });
  });

  it('counts from where a container sees the hierarchy begin', () => {
    const mountinfo = '30 23 0:26 /docker/x /sys/fs/cgroup ro - cgroup2 cgroup2 rw';
    expect(parseCgroupHost(mountinfo, '0::/docker/x/inner\n', 0).v2).toEqual({
      mount: '/sys/fs/cgroup',
      path: '/inner',
    });
    expect(parseCgroupHost(mountinfo, '0::/docker/x\n', 0).v2).toEqual({ mount: '/sys/fs/cgroup', path: '/' });
  });

  it('takes the first of several mounts: later ones belong to others and may go', () => {
    const mountinfo = [
      '40 30 0:33 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
      '42 30 0:35 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
      '50 30 0:33 / /build/root/sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
      '52 30 0:35 / /build/root/sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
    ].join('\n');
    const { v1, v2 } = parseCgroupHost(mountinfo, '5:memory:/a\n0::/c\n', 0);
    expect([v1.get('memory')?.mount, v2?.mount]).toEqual(['/sys/fs/cgroup/memory', '/sys/fs/cgroup/unified']);
  });

  it('says when there is none', () => {
    expect(parseCgroupHost('', '', 0).version).toBeUndefined();
  });
});
