-- Sessions are kept by the session store since then. Everybody signs in once more. Apply it when no worker that reads the
-- table runs any more.
DROP TABLE `sessions`;
