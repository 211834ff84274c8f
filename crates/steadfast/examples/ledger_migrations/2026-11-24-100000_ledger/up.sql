CREATE TABLE accounts (
    id INT PRIMARY KEY,
    cents BIGINT NOT NULL
) ENGINE = InnoDB;

-- No unique key on `number`: a transfer that happened twice would show.
CREATE TABLE transfers (
    id BIGINT AUTO_INCREMENT PRIMARY KEY,
    number BIGINT NOT NULL,
    payer INT NOT NULL,
    payee INT NOT NULL,
    cents BIGINT NOT NULL,
    at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    KEY by_number (number),
    FOREIGN KEY (payer) REFERENCES accounts (id),
    FOREIGN KEY (payee) REFERENCES accounts (id)
) ENGINE = InnoDB;
