import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/run.css';
import { render } from 'preact';
import { App } from './app/app.tsx';
import { startTheme } from './app/theme.ts';

startTheme();
const place = document.getElementById('app');
place?.replaceChildren();
if (place) render(<App />, place);
