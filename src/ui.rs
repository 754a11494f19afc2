//! The lab's screen: keys become messages, messages change the app, panes draw the view model. The only place that knows
//! ratatui and crossterm.

pub mod keymap;
pub mod message;
pub mod pane;
pub mod terminal;
pub mod theme;
