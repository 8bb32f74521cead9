const [kind] = process.argv.slice(2);
if (kind === 'saturate') {
  process.argv.splice(2, 1);
  await import('./soak/saturate.ts');
} else await import('./soak/mixed.ts');
