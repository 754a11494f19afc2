//! The lab's screen: keys become messages, messages change the app, panes draw the view model. Only this module uses
//! ratatui and crossterm.

pub mod app;
pub mod command;
pub mod config;
pub mod diagnosis;
pub mod fit;
pub mod frames;
pub mod guide;
pub mod keymap;
pub mod layout;
pub mod lesson;
pub mod message;
pub mod overlay;
pub mod palette;
pub mod pane;
pub mod print;
pub mod record;
pub mod rehearsal;
pub mod screen;
pub mod session;
pub mod sweep;
pub mod terminal;
pub mod theme;
pub mod timeline;
pub mod widget;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
