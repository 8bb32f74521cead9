export interface HostReport {
  placeholder: true;
}
export function probeHost(): HostReport {
  return { placeholder: true };
}
