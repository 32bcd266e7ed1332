import '@xyflow/react/dist/base.css';
import './base.css';
import './state.css';
import './sidebar.css';
import './page.css';
import './log.css';
