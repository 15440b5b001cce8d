-- The shelves of a new site. A database that got them from earlier sample data keeps its rows.
INSERT OR IGNORE INTO `categories` (`id`, `slug`, `name`, `description`, `position`) VALUES
	('sample-category-courses', 'courses', 'Courses', 'Learn by making one real thing from start to finish.', 0),
	('sample-category-sample-packs', 'sample-packs', 'Sample packs', 'Drums, rooms, textures and instruments, cleared for your releases.', 1),
	('sample-category-photo-presets', 'photo-presets', 'Photo presets', 'Colour that holds up across a whole shoot, not only on the cover picture.', 2),
	('sample-category-writing', 'writing', 'Essays and zines', 'Short, opinionated reading, to keep on a shelf or a phone.', 3),
	('sample-category-design-templates', 'design-templates', 'Design templates', 'Layouts and systems to start from, with the source files.', 4),
	('sample-category-film-assets', 'film-assets', 'Film and 3D assets', 'Overlays, scenes and models, ready for the timeline or the viewport.', 5);
